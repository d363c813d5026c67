import type { Command } from 'commander';
import {
  CreateTenantMutation,
  DeleteTenantMutation,
  SetTenantLimitsMutation,
  TenantsQuery,
} from '../../schema/operations/accounts.js';
import { UserError } from '../../schema/user-error.js';
import type { ServerChoice } from '../server-choice.js';
import { ask, choosingServer } from './ask.js';
import { table, tellSecret } from './table.js';

interface LimitOptions extends ServerChoice {
  agents?: string;
  entriesPerSecond?: string;
  alertRules?: string;
  keepLogs?: string;
}

/** `hlm tenant`: who shares the server; for operators. */
export function tenantCommand(command: Command): Command {
  choosingServer(command.command('create <name>'))
    .description("adds a tenant, and prints its first administrator's token")
    .action(async (name: string, server: ServerChoice) => {
      const { createTenant } = await ask(server, CreateTenantMutation, { input: { name } });
      tellSecret(createTenant.secret, `tenant ${createTenant.tenant.id}: token of its first administrator`);
    });
  choosingServer(command.command('list')).description('shows all, with what they use and may').action(list);
  choosingServer(command.command('limit <tenant>'))
    .description("sets a tenant's limits; what is not named stays")
    .option('--agents <number>', 'agents; none: without limit')
    .option('--entries-per-second <number>', 'entries that are taken in a second; none: without limit')
    .option('--alert-rules <number>', 'alert rules; none: without limit')
    .option(
      '--keep-logs <duration>',
      'the longest that raw entries are kept, such as P7D or PT12H; none: without limit',
    )
    .action(limit);
  choosingServer(command.command('delete <tenant>'))
    .description('removes a tenant (by id or name) with all that it holds')
    .action(async (tenant: string, server: ServerChoice) => {
      await ask(server, DeleteTenantMutation, { id: await tenantIdOf(tenant, server) });
    });
  return command;
}

async function limit(tenant: string, options: LimitOptions): Promise<void> {
  const { agents, entriesPerSecond, alertRules, keepLogs, ...server } = options;
  const input = {
    agents: countOf(agents),
    entriesPerSecond: countOf(entriesPerSecond),
    alertRules: countOf(alertRules),
    keepLogs: keepLogs === 'none' ? null : keepLogs,
  };
  if (Object.values(input).every((value) => value === undefined))
    throw new UserError('no limit named: give --agents, --entries-per-second, --alert-rules or --keep-logs');
  await ask(server, SetTenantLimitsMutation, { id: await tenantIdOf(tenant, server), input });
}

/** Undefined: not named; null: none. @throws UserError where it is no number. */
function countOf(given: string | undefined): number | null | undefined {
  if (given === undefined) return undefined;
  if (given === 'none') return null;
  if (!/^\d{1,9}$/.test(given)) throw new UserError(`"${given}" is no limit; expected a whole number, or none`);
  return Number(given);
}

/** @throws UserError where there is no such tenant. */
async function tenantIdOf(idOrName: string, server: ServerChoice): Promise<string> {
  const { tenants } = await ask(server, TenantsQuery, {});
  const tenant = tenants.find(({ id, name }) => id === idOrName || name === idOrName);
  if (tenant === undefined) throw new UserError(`no tenant is called ${idOrName}`);
  return tenant.id;
}

async function list(options: ServerChoice): Promise<void> {
  const { tenants } = await ask(options, TenantsQuery, {});
  const rows = tenants.map(({ id, name, limits, usage }) => [
    id,
    name,
    used(usage.agents, limits.agents),
    used(Math.round(usage.entriesPerSecond), limits.entriesPerSecond),
    used(usage.alertRules, limits.alertRules),
    used(usage.keepLogs, limits.keepLogs),
  ]);
  process.stdout.write(table(['ID', 'NAME', 'AGENTS', 'ENTRIES/S', 'RULES', 'KEEP LOGS'], rows));
}

/** What is used, beside the limit where there is one. */
function used(usage: number | string, limit: number | string | null): string {
  return limit === null ? String(usage) : `${usage} of ${limit}`;
}
