import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';
import { findBinaries } from '../server/store/cluster/binaries.js';
import { findDuckDb, findGoAccess } from './peers.js';

/** The machine, and the versions of all that is measured. */
export async function describeMachine(): Promise<string> {
  const { postgres } = await findBinaries();
  const version = /\d\S*/.exec(execFileSync(postgres, ['--version']).toString())![0];
  const of = (name: string, found: { version: string } | null) => `${name} ${found?.version ?? 'not installed'}`;
  return `Machine: ${cpus().length} × ${cpus()[0].model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${type()} ${release()}
Versions: Node ${process.versions.node}, PostgreSQL ${version}, ${of('GoAccess', findGoAccess())}, ${of('DuckDB', findDuckDb())}
`;
}
