import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { UserError } from '../schema/user-error.js';
import { textOf } from '../server/text-file.js';

/** Options beat environment beats defaults: every command resolves its settings here. */

export const DEFAULT_URL = 'http://127.0.0.1:4000/graphql';
export const DEFAULT_PORT = 4000;
/** In the data folder, mode 0600: the operator's token, made at first start. */
export const OPERATOR_TOKEN_FILE = 'operator-token';
/** In the data folder, mode 0600: an AGENT token for agents on this machine. */
export const AGENT_TOKEN_FILE = 'agent-token';

/** The data folder: `--data`, else HLM_DATA, else the XDG data folder; as root /var/lib/http-logs-monitor. */
export function dataFolder(option: string | undefined): string {
  const named = option ?? process.env.HLM_DATA;
  if (named) return resolve(named);
  if (process.getuid?.() === 0) return '/var/lib/http-logs-monitor';
  const xdg = process.env.XDG_DATA_HOME || join(homedir(), '.local', 'share');
  return join(xdg, 'http-logs-monitor');
}

/** What stands between commas. */
export function listOf(given: string): string[] {
  return given
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Where the API is, on an address that names no path. */
const API_PATH = '/graphql';

/**
 * The servers' GraphQL addresses: `--url`, else HLM_URL (comma-separated), else this machine's. One without a path means
 * the API's.
 *
 * @throws UserError where one is no http address.
 */
export function serverUrls(option: string | undefined): string[] {
  const given = option ?? process.env.HLM_URL ?? DEFAULT_URL;
  const addresses = listOf(given);
  if (addresses.length === 0) throw new UserError('no server address given (--url or HLM_URL)');
  return addresses.map((address) => {
    let url: URL;
    try {
      url = new URL(address);
    } catch {
      throw new UserError(`"${address}" is no address; expected something like ${DEFAULT_URL}`);
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new UserError(`"${address}" is no http address; expected something like ${DEFAULT_URL}`);
    }
    if (url.pathname === '/') url.pathname = API_PATH;
    return url.href;
  });
}

export interface TokenOptions {
  token?: string;
  tokenFile?: string;
}

/**
 * The token: `--token-file`, else `--token`, else HLM_TOKEN, else HLM_TOKEN_FILE, else the first of `files` that the data
 * folder holds.
 *
 * @throws UserError where there is none, or a file that was named has none.
 */
export function token(options: TokenOptions, folder: string, files: readonly string[]): string {
  if (options.tokenFile !== undefined) return tokenIn(options.tokenFile);
  const given = (options.token ?? process.env.HLM_TOKEN)?.trim();
  if (given) return given;
  if (process.env.HLM_TOKEN_FILE) return tokenIn(process.env.HLM_TOKEN_FILE);
  for (const file of files) {
    try {
      const found = readFileSync(join(folder, file), 'utf8').trim();
      if (found) return found;
    } catch {
      // Not there, or not ours to read: the next one.
    }
  }
  throw new UserError(`no token: give HLM_TOKEN or --token-file, or run as the user who owns ${folder}`);
}

function tokenIn(file: string): string {
  const found = textOf(file, 'the token').trim();
  if (found === '') throw new UserError(`${file} holds no token`);
  return found;
}

/**
 * A number of the environment; undefined where it is not set.
 *
 * @param least what it is at least
 * @throws UserError where it is none.
 */
export function numberSetting(name: string, least: number): number | undefined {
  const given = process.env[name]?.trim();
  if (!given) return undefined;
  const value = Number(given);
  if (!Number.isFinite(value) || value < least)
    throw new UserError(`${name} is "${given}"; expected a number of at least ${least}`);
  return value;
}

/**
 * A port number: option, else PORT, else 4000; 0 is any free one.
 *
 * @throws UserError where it is none.
 */
export function port(option: string | undefined): number {
  const given = option ?? process.env.PORT ?? String(DEFAULT_PORT);
  const value = Number(given);
  if (!/^\d+$/.test(given) || value > 65_535) throw new UserError(`"${given}" is no port; expected 0 to 65535`);
  return value;
}
