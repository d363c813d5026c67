#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { UserError } from '../schema/user-error.js';

// Before graphql is loaded: outside of production it checks the classes of all that it touches.
process.env.NODE_ENV ??= 'production';

/** The one binary. Each command's code is loaded only when it is called. */
const program = new Command('hlm')
  .description('HTTP Logs Monitor: live and stored HTTP traffic of all your servers, with alerts.')
  .version('0.1.0')
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride();

const commands: Record<string, { summary: string; load: () => Promise<(command: Command) => Command> }> = {
  up: {
    summary: 'everything at once: a server, an agent on simulated traffic or on files, the terminal client',
    load: async () => (await import('./up.js')).upCommand,
  },
  server: {
    summary: 'takes in what agents send, and answers queries',
    load: async () => (await import('./server.js')).serverCommand,
  },
  simulate: {
    summary: 'writes simulated traffic to a log',
    load: async () => (await import('./simulate.js')).simulateCommand,
  },
  agent: {
    summary: 'follows access logs and sends them to a server',
    load: async () => (await import('./agent.js')).agentCommand,
  },
  token: {
    summary: 'tokens of a running server: create, list, revoke',
    load: async () => (await import('./admin/token.js')).tokenCommand,
  },
  user: {
    summary: 'users of a running server: create, list, update, delete',
    load: async () => (await import('./admin/user.js')).userCommand,
  },
  tenant: {
    summary: 'tenants of a running server, for operators: create, list, limit, delete',
    load: async () => (await import('./admin/tenant.js')).tenantCommand,
  },
  audit: {
    summary: 'who changed what on a running server',
    load: async () => (await import('./admin/audit.js')).auditCommand,
  },
  tail: {
    summary: 'prints the lines of logs as servers write them',
    load: async () => (await import('./tail.js')).tailCommand,
  },
  tui: { summary: 'the terminal client', load: async () => (await import('./tui.js')).tuiCommand },
};

async function main(args: string[]): Promise<void> {
  const wanted = args.find((arg) => !arg.startsWith('-')) ?? '';
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program
      .command(name)
      .description(summary)
      .exitOverride()
      .showHelpAfterError('(--help shows what there is)');
    if (name === wanted || (wanted === 'help' && args.includes(name))) (await load())(command);
  }
  await program.parseAsync(args, { from: 'user' });
}

/** One line on standard error, never a stack trace: what went wrong inside goes to the log, not to the user. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode;
  if (error instanceof UserError) {
    process.stderr.write(`hlm: ${error.message}\n`);
    return error.exitCode;
  }
  process.stderr.write(`hlm: unexpected: ${error instanceof Error ? error.message : String(error)}\n`);
  if (process.env.HLM_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return 1;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.exitCode = report(error);
});
