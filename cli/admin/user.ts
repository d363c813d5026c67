import type { Command } from 'commander';
import {
  CreateUserMutation,
  DeleteUserMutation,
  UpdateUserMutation,
  UsersQuery,
} from '../../schema/operations/accounts.js';
import type { ServerChoice } from '../server-choice.js';
import { ask, choosingServer } from './ask.js';
import { oneOf, USER_ROLES } from './roles.js';
import { table } from './table.js';
import { userIdOf } from './token.js';

interface UserOptions extends ServerChoice {
  name?: string;
  email?: string;
  role?: string;
}

/** `hlm user`: the people of a tenant; they sign in by tokens of theirs (`hlm token create --user`). */
export function userCommand(command: Command): Command {
  choosingServer(command.command('create <email>'))
    .description('adds a user')
    .requiredOption('--name <name>', 'what they are called')
    .requiredOption('--role <role>', `${USER_ROLES.join(', ')}: the most that their tokens may`)
    .action(
      async (email: string, { name, role, ...server }: Required<Pick<UserOptions, 'name' | 'role'>> & ServerChoice) => {
        const input = { name, email, role: oneOf(USER_ROLES, role) };
        const { createUser } = await ask(server, CreateUserMutation, { input });
        process.stdout.write(`${createUser.id}\n`);
      },
    );
  choosingServer(command.command('list')).description('shows all').action(list);
  choosingServer(command.command('update <email>'))
    .description('changes a user; a lower role is that of their tokens too')
    .option('--name <name>', 'what they are called')
    .option('--email <email>', 'their new address')
    .option('--role <role>', USER_ROLES.join(', '))
    .action(async (known: string, { name, email, role, ...server }: UserOptions) => {
      const id = await userIdOf(known, server);
      const input = { name, email, role: role === undefined ? undefined : oneOf(USER_ROLES, role) };
      await ask(server, UpdateUserMutation, { id, input });
    });
  choosingServer(command.command('delete <email>'))
    .description('removes a user, and revokes their tokens')
    .action(async (email: string, server: ServerChoice) => {
      await ask(server, DeleteUserMutation, { id: await userIdOf(email, server) });
    });
  return command;
}

async function list(options: ServerChoice): Promise<void> {
  const { users } = await ask(options, UsersQuery, {});
  const rows = users.map(({ id, name, email, role }) => [id, name, email, role]);
  process.stdout.write(table(['ID', 'NAME', 'E-MAIL', 'ROLE'], rows));
}
