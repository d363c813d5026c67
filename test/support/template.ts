import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../server/store/cluster/embedded.js';
import { Database } from '../../server/store/database.js';

/**
 * A data folder with a migrated database, and nothing in it: to make one takes longer than most of what is tested on it,
 * so that one is made and the others are copies of it. What a first start does has tests of its own, which run `hlm`.
 */
export async function migratedFolder(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'hlm-test-'));
  const template = await findTemplate();
  // Ownership too: as root PostgreSQL runs as another user.
  if (template !== null) execFileSync('cp', ['-a', '--reflink=auto', `${template}/.`, folder]);
  return folder;
}

/** Null where there is none: outside jest, and while another worker makes it, for which nobody waits. */
async function findTemplate(): Promise<string | null> {
  const shared = process.env.HLM_TEST_TEMPLATE;
  if (shared === undefined) return null;
  const [made, ready] = [join(shared, 'made'), join(shared, 'ready')];
  if (existsSync(ready)) return ready;
  try {
    mkdirSync(made);
  } catch {
    return null;
  }
  const cluster = await startEmbeddedPostgres(made);
  const db = await Database.open(cluster.url);
  await db.close();
  await cluster.stop();
  renameSync(made, ready);
  return ready;
}
