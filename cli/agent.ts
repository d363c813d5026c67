import { constants, getPriority, hostname, setPriority } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { dryRun, FORMATS, type Format, runAgent } from '../agent/index.js';
import { AGENT_TOKEN_FILE, dataFolder, OPERATOR_TOKEN_FILE, serverUrls, token } from './settings.js';

interface AgentCommandOptions {
  name: string;
  url?: string;
  token?: string;
  tokenFile?: string;
  data?: string;
  format: Format;
  fromStart: boolean;
  once: boolean;
  rate?: number;
  dryRun: boolean;
}

function rateOption(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('expected a number of lines a second, above 0.');
}

/** Aborted when the process is to stop: by a signal, or because the one that started it is gone. */
function stopSignal(): { stop: AbortSignal; release: () => void } {
  const controller = new AbortController();
  // The first one asks politely; after it the signals do again what they do by themselves.
  const onStop = () => {
    release();
    controller.abort();
  };
  const release = () => {
    process.off('SIGINT', onStop).off('SIGTERM', onStop).off('disconnect', onStop);
  };
  process.on('SIGINT', onStop).on('SIGTERM', onStop).on('disconnect', onStop);
  return { stop: controller.signal, release };
}

/**
 * Gives way to the web server whose logs it reads, and to a server of ours beside it: what is read a moment later is read
 * all the same. Of the thread that reads, parses and sends.
 */
function giveWay(): void {
  const { PRIORITY_BELOW_NORMAL } = constants.priority;
  if (getPriority() < PRIORITY_BELOW_NORMAL) setPriority(PRIORITY_BELOW_NORMAL);
}

async function run(files: string[], options: AgentCommandOptions, version: string): Promise<number> {
  const { name, format, fromStart, once, rate } = options;
  const { stdin, stdout, stderr } = process;
  giveWay();
  if (options.dryRun) return dryRun({ files, format, stdin, stdout, stderr });
  const urls = serverUrls(options.url);
  const secret = token(options, dataFolder(options.data), [AGENT_TOKEN_FILE, OPERATOR_TOKEN_FILE]);
  const say = (line: string) => stderr.write(`hlm agent: ${line}\n`);
  const { stop, release } = stopSignal();
  try {
    const ratePerSecond = rate ?? null;
    return await runAgent({
      files,
      name,
      urls,
      token: secret,
      version,
      format,
      fromStart,
      once,
      ratePerSecond,
      stop,
      say,
      stdin,
    });
  } finally {
    release();
  }
}

/** `hlm agent FILE…` */
export function agentCommand(command: Command): Command {
  return command
    .argument('<files...>', 'access logs to follow; - is standard input, read to its end')
    .option('--name <name>', "the agent's name, under which its traffic is shown", hostname())
    .option('--url <urls>', 'server, or several, comma-separated (HLM_URL)')
    .option(
      '--token-file <file>',
      'file that holds the token (HLM_TOKEN_FILE; HLM_TOKEN is the token; else the data folder)',
    )
    .option('--token <token>', 'the token itself: anyone on this machine can read it in the list of processes')
    .option('--data <dir>', 'data folder (HLM_DATA)')
    .addOption(new Option('--format <format>', 'format of the lines').choices(FORMATS).default('auto'))
    .option('--from-start', 'begin new files at their start, not at their end', false)
    .option('--once', 'read to the end, then exit once all is acknowledged', false)
    .option('--rate <lines>', 'lines a second at most, steadily', rateOption)
    .option('--dry-run', 'print what was parsed as lines of JSON, and send nothing', false)
    .action(async (files: string[], options: AgentCommandOptions, self: Command) => {
      process.exitCode = await run(files, options, self.parent?.version() ?? '');
    });
}
