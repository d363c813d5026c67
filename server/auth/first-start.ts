import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Role } from '../../schema/enums/index.js';
import { insertTenant } from '../accounts/insert-tenant.js';
import type { Database } from '../store/database.js';
import { hashSecret, newSecret } from './tokens.js';

const DEFAULT_TENANT = 'default';

export interface LocalTokens {
  folder: string;
  /** File names in the folder, mode 0600. */
  operatorFile: string;
  agentFile: string;
  /** Given by the environment: takes the place of the operator's file. */
  adminToken: string | null;
}

/**
 * Sees to it that there are a tenant, its default rule, an operator's token and one for agents of this machine.
 * Tokens live in files that only their owner may read; where a file is lost, a new token takes its place.
 */
export async function prepareFirstStart(db: Database, local: LocalTokens): Promise<void> {
  const tenantId = await defaultTenant(db);
  if (local.adminToken === null)
    await ensureTokenFile(db, tenantId, 'OPERATOR', 'local operator', local.folder, local.operatorFile);
  else await store(db, tenantId, 'OPERATOR', 'HLM_ADMIN_TOKEN', local.adminToken);
  await ensureTokenFile(db, tenantId, 'AGENT', 'local agents', local.folder, local.agentFile);
}

async function defaultTenant(db: Database): Promise<string> {
  const oldest = async () => {
    const [tenant] = await db.ownerSql<{ id: string }>('SELECT id FROM tenant ORDER BY created_at, id LIMIT 1');
    return tenant?.id;
  };
  const known = await oldest();
  if (known !== undefined) return known;
  return insertTenant(db, DEFAULT_TENANT).catch(async (error: unknown) => {
    // Another server, which starts at the same moment, has made it.
    const made = await oldest();
    if (made === undefined) throw error;
    return made;
  });
}

async function ensureTokenFile(
  db: Database,
  tenantId: string,
  role: Role,
  name: string,
  folder: string,
  file: string,
): Promise<void> {
  const path = join(folder, file);
  const known = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (known !== '') return store(db, tenantId, role, name, known);
  const secret = newSecret(role);
  await store(db, tenantId, role, name, secret);
  await writeFile(`${path}.new`, `${secret}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

async function store(db: Database, tenantId: string, role: Role, name: string, secret: string): Promise<void> {
  await db.ownerSql(
    `INSERT INTO token (tenant_id, name, role, secret_hash)
     SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT FROM token WHERE secret_hash = $4)`,
    [tenantId, name, role, hashSecret(secret)],
  );
}
