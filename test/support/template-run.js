import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Around a run of jest: a folder for all its workers, in which one makes the database that all copy (template.ts). */
export default function setUp() {
  const folder = mkdtempSync(join(tmpdir(), 'hlm-test-template-'));
  // PostgreSQL runs as another user than root, and must pass.
  chmodSync(folder, 0o711);
  process.env.HLM_TEST_TEMPLATE = folder;
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
}
