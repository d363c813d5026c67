import type { Command } from 'commander';
import { AuditLogQuery } from '../../schema/operations/accounts.js';
import { UserError } from '../../schema/user-error.js';
import type { ServerChoice } from '../server-choice.js';
import { ask, choosingServer } from './ask.js';
import { table } from './table.js';

/** The most of one page. */
const LINES_MAX = 500;

/** `hlm audit`: who changed what; the newest first. */
export function auditCommand(command: Command): Command {
  return choosingServer(command)
    .option('--lines <number>', `how many, ${LINES_MAX} at most`, '50')
    .action(async ({ lines, ...server }: ServerChoice & { lines: string }) => {
      const first = Number(lines);
      if (!/^\d+$/.test(lines) || first < 1 || first > LINES_MAX)
        throw new UserError(`"${lines}" is no number of lines; expected 1 to ${LINES_MAX}`);
      const { auditLog } = await ask(server, AuditLogQuery, { first });
      const rows = auditLog.nodes.map(({ at, actor, role, action, subject, changes }) => [
        at,
        `${actor} (${role})`,
        action,
        subject,
        changes.map(changed).join('; '),
      ]);
      process.stdout.write(table(['AT', 'WHO', 'DID', 'WHAT', 'CHANGES'], rows));
    });
}

function changed({ field, before, after }: { field: string; before: string | null; after: string | null }): string {
  if (before === null) return `${field}: ${after}`;
  return after === null ? `${field} was ${before}` : `${field}: ${before} → ${after}`;
}
