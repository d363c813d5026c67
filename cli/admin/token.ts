import type { Command } from 'commander';
import { CreateTokenMutation, RevokeTokenMutation, TokensQuery, UsersQuery } from '../../schema/operations/accounts.js';
import { UserError } from '../../schema/user-error.js';
import type { ServerChoice } from '../server-choice.js';
import { ask, choosingServer } from './ask.js';
import { expiryOf } from './expiry.js';
import { oneOf, ROLES } from './roles.js';
import { table, tellSecret } from './table.js';

interface CreateOptions extends ServerChoice {
  role: string;
  agent?: string;
  user?: string;
  expires?: string;
}

/** `hlm token`: who may speak to the server. */
export function tokenCommand(command: Command): Command {
  choosingServer(command.command('create <name>'))
    .description('makes a token, and prints its secret')
    .requiredOption('--role <role>', `${ROLES.join(', ')}: what it may`)
    .option('--agent <name>', 'of the role AGENT: the one agent that it may send for')
    .option('--user <email>', 'the user whose it is: revoked with that user')
    .option('--expires <when>', '12h, 30d, 4w, or a time; never where absent')
    .action(create);
  choosingServer(command.command('list')).description('shows all that are valid').action(list);
  choosingServer(command.command('revoke <id>'))
    .description('ends a token, and closes its sockets')
    .action(async (id: string, options: ServerChoice) => {
      await ask(options, RevokeTokenMutation, { id });
    });
  return command;
}

async function create(name: string, { role, agent, user, expires, ...server }: CreateOptions): Promise<void> {
  const input = {
    name,
    role: oneOf(ROLES, role),
    agentName: agent ?? null,
    userId: user === undefined ? null : await userIdOf(user, server),
    expiresAt: expires === undefined ? null : expiryOf(expires, Date.now()),
  };
  const { createToken } = await ask(server, CreateTokenMutation, { input });
  tellSecret(createToken.secret, `token ${createToken.token.id} (${createToken.token.role})`);
}

/** @throws UserError where the tenant has no such user. */
export async function userIdOf(email: string, server: ServerChoice): Promise<string> {
  const { users } = await ask(server, UsersQuery, {});
  const user = users.find((one) => one.id === email || one.email.toLowerCase() === email.toLowerCase());
  if (user === undefined) throw new UserError(`no user has the address ${email}`);
  return user.id;
}

async function list(options: ServerChoice): Promise<void> {
  const { tokens } = await ask(options, TokensQuery, {});
  const rows = tokens.map(({ id, name, role, agentName, user, lastUsedAt, expiresAt }) => [
    id,
    name,
    role,
    agentName,
    user?.email ?? null,
    lastUsedAt,
    expiresAt,
  ]);
  process.stdout.write(table(['ID', 'NAME', 'ROLE', 'AGENT', 'USER', 'LAST USED', 'EXPIRES'], rows));
}
