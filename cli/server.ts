import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Command } from 'commander';
import { UserError } from '../schema/user-error.js';
import type { CertificateFiles } from '../server/api/walls/certificate.js';
import { Proxies } from '../server/api/walls/proxies.js';
import type { ServerOptions } from '../server/main.js';
import { limitSettings, limitsHelp } from './limits.js';
import { AGENT_TOKEN_FILE, dataFolder, listOf, OPERATOR_TOKEN_FILE, port } from './settings.js';

interface Options {
  data?: string;
  host?: string;
  port?: string;
  tlsCert?: string;
  tlsKey?: string;
}

export function serverCommand(command: Command): Command {
  return command
    .option('--data <dir>', 'data folder (HLM_DATA)')
    .option('--host <address>', 'address to listen on (HOST; default 127.0.0.1)')
    .option('--port <number>', 'port to listen on, 0 for any free one (PORT; default 4000)')
    .option('--tls-cert <file>', 'certificate with its chain, PEM: listens with TLS (HLM_TLS_CERT)')
    .option('--tls-key <file>', 'its private key, PEM (HLM_TLS_KEY)')
    .addHelpText(
      'after',
      `
Environment:
  DATABASE_URL           a PostgreSQL 15 or later to use instead of the embedded one
  HLM_ADMIN_TOKEN        the operator's token, instead of the one in the data folder
  HLM_ALLOWED_ORIGINS    origins, comma-separated, whose pages may open sockets
  HLM_TRUSTED_PROXIES    addresses or networks, comma-separated, of proxies whose X-Forwarded-For is believed
  HLM_SMTP_URL           the mail server for notifications: smtp://user:password@host:587
  HLM_MAIL_FROM          whom mails are from
  HLM_ALLOW_PRIVATE_WEBHOOKS  1: webhooks may go to addresses of this machine and its networks
  HLM_PUBLIC_URL         where people reach the web page: messages link to alerts there
  HLM_LOG_LEVEL          debug, info, warn (default), error: logs go to standard error as JSON

Limits, by environment (docs/SECURITY.md):
${limitsHelp()}`,
    )
    .action(runServer);
}

/**
 * The address of a PostgreSQL; null: the embedded one.
 *
 * @throws UserError where it is none. It may hold a password, so it is not shown.
 */
function databaseUrl(given: string | undefined): string | null {
  if (!given) return null;
  if (/^postgres(ql)?:\/\//.test(given) && URL.canParse(given)) return given;
  throw new UserError('DATABASE_URL is no PostgreSQL address; expected postgres://user:password@host:5432/database');
}

/**
 * For TLS; null: none.
 *
 * @throws UserError where only one is named.
 */
function certificateFiles(options: Options): CertificateFiles | null {
  const certFile = options.tlsCert ?? process.env.HLM_TLS_CERT;
  const keyFile = options.tlsKey ?? process.env.HLM_TLS_KEY;
  if (!certFile && !keyFile) return null;
  if (!certFile || !keyFile) throw new UserError('TLS needs both, --tls-cert and --tls-key');
  return { certFile, keyFile };
}

/** @throws UserError where it is no address of a page. */
function publicUrl(given: string | undefined): string | null {
  if (!given) return null;
  if (URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)) return given;
  throw new UserError(`HLM_PUBLIC_URL=${given} is no address; expected one such as https://logs.example.com/`);
}

/** @throws UserError where one is no address or network. */
function trustedProxies(given: string[]): string[] {
  try {
    new Proxies(given);
    return given;
  } catch (error) {
    throw new UserError(
      `HLM_TRUSTED_PROXIES: ${(error as Error).message}; expected addresses or networks, such as 10.0.0.5,192.168.0.0/16`,
    );
  }
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** @throws UserError where there is no such level. */
function logLevel(given: string | undefined): string {
  if (!given) return 'warn';
  if (LOG_LEVELS.includes(given)) return given;
  throw new UserError(`HLM_LOG_LEVEL=${given} is no level; expected one of ${LOG_LEVELS.join(', ')}`);
}

/** All that a server is started with, as it is handed to its thread. */
export type ServerSettings = Omit<ServerOptions, 'log'> & { logLevel: string };

export type ToldByServer = { listeningOn: string } | { mistake: string; exitCode: number };

/**
 * Of the thread's young generation, MiB, of which a third is one half of its space. Batches of many agents wait for each
 * other: by Node's default (48) they are moved to the old generation meanwhile, which costs a fifth of what a server can do.
 * A process cannot set it for itself.
 */
const YOUNG_GENERATION_MIB = 128;
/**
 * How far the thread's heap may grow beyond what lives in it before all of it is marked, in per cent of that. V8's own choice
 * comes to 7 MB, which is what buffers of 40 batches take: then all is marked every second, for a tenth of it.
 */
const HEAP_GROWING_PERCENT = 200;

async function runServer(options: Options): Promise<void> {
  const thread = startThread(settingsOf(options));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => thread.postMessage('end'));
  process.on('disconnect', () => thread.postMessage('end'));
  await ended(thread);
  process.exit(0);
}

function startThread(settings: ServerSettings): Worker {
  // Of the whole process: the thread that is left waiting has nothing that grows.
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  return new Worker(new URL('./server-thread.js', import.meta.url), {
    workerData: settings,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
  });
}

/** @throws UserError where it could not be started; Error where it ended otherwise than it was told to. */
function ended(thread: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    thread.on('message', (told: ToldByServer) => {
      if ('mistake' in told) reject(new UserError(told.mistake, told.exitCode));
      else process.stdout.write(`listening on ${told.listeningOn}\n`);
    });
    thread.once('error', reject);
    thread.once('exit', (code) => (code === 0 ? resolve() : reject(new Error('the server ended; its log says why'))));
  });
}

function settingsOf(options: Options): ServerSettings {
  return {
    dataFolder: dataFolder(options.data),
    databaseUrl: databaseUrl(process.env.DATABASE_URL),
    host: options.host ?? process.env.HOST ?? '127.0.0.1',
    port: port(options.port),
    adminToken: process.env.HLM_ADMIN_TOKEN?.trim() || null,
    operatorTokenFile: OPERATOR_TOKEN_FILE,
    agentTokenFile: AGENT_TOKEN_FILE,
    notify: {
      smtpUrl: process.env.HLM_SMTP_URL?.trim() || null,
      mailFrom: process.env.HLM_MAIL_FROM?.trim() || 'HTTP Logs Monitor <hlm@localhost>',
      allowPrivate: process.env.HLM_ALLOW_PRIVATE_WEBHOOKS === '1',
    },
    publicUrl: publicUrl(process.env.HLM_PUBLIC_URL?.trim()),
    allowedOrigins: listOf(process.env.HLM_ALLOWED_ORIGINS ?? ''),
    trustedProxies: trustedProxies(listOf(process.env.HLM_TRUSTED_PROXIES ?? '')),
    certificateFiles: certificateFiles(options),
    limits: limitSettings(),
    logLevel: logLevel(process.env.HLM_LOG_LEVEL?.trim()),
  };
}
