import { copyFileSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENT_BYTES, limited, SERVER_BYTES } from './limits.js';
import { writeLongLog } from './long-log.js';
import { memoryOf, peakMemoryOf } from './proc.js';
import { type Ended, expectAll, runHlm, type Server, startServer, stop } from './processes.js';
import { type BenchOptions, type Figure, mb, median, perSecond } from './table.js';

const GB = 1e9;
const LINES_PER_SECOND = 11.4;
const AGENTS = 50;
/** Beside the logs: windows, chunks, and PostgreSQL's own log of changes. */
const ROOM = { ofLogs: 0.5, bytes: 4 * GB };
const SAMPLE_MS = 500;

/** Memory of an agent that is far behind, of fifty that are behind at once, and of their servers. */
export async function measureMemory({ quick }: BenchOptions): Promise<Figure[]> {
  return [...(await catchUp(1, quick ? GB : 10 * GB)), ...(await catchUp(AGENTS, quick ? 0.2 * GB : GB))];
}

/**
 * Agents that all start at once, each with a log of its own, on a server and a PostgreSQL of their own: the most memory
 * that a process has had counts from its start.
 */
async function catchUp(agents: number, bytes: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'hlm-bench-'));
  try {
    expectRoom(folder, bytes);
    const names = Array.from({ length: agents }, (_, i) => `agent-${i}`);
    const lines = await writeLogs(folder, names, bytes / agents);
    const server = await startServer(join(folder, 'data'));
    try {
      const sampling = new Sampling(server);
      const begun = performance.now();
      const ended = await Promise.all(names.map((name) => runAgent(server, name, join(folder, name))));
      const seconds = (performance.now() - begun) / 1_000;
      const usual = sampling.stop();
      for (const name of names) await expectAll(server, name, lines);
      return figuresOf(`${agents} ${agents === 1 ? 'agent' : 'agents'}, ${bytes / GB} GB`, {
        ended,
        usual,
        peak: peakMemoryOf(server.child.pid!),
        rate: perSecond(lines * agents, seconds),
      });
    } finally {
      await stop(server.child);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function figuresOf(
  what: string,
  { ended, usual, peak, rate }: { ended: readonly Ended[]; usual: number; peak: number; rate: string },
): Figure[] {
  return [
    { what: `${what}: taken in`, value: rate },
    limited(`${what}: memory of an agent at most`, Math.max(...ended.map(({ peakBytes }) => peakBytes)), AGENT_BYTES),
    limited(`${what}: memory of the server at most`, peak, SERVER_BYTES),
    { what: `${what}: memory of the server, median`, value: mb(usual) },
  ];
}

/** @throws where the disk has no room for logs of so many bytes, and for what is made of them. */
function expectRoom(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const needed = bytes * (1 + ROOM.ofLogs) + ROOM.bytes;
  if (bavail * bsize < needed) throw new Error(`${(needed / GB).toFixed(0)} GB of free disk are needed in ${folder}`);
}

/** One log for each name. Returns the lines of each. */
async function writeLogs(folder: string, [first, ...others]: readonly string[], bytes: number): Promise<number> {
  const lines = await writeLongLog(join(folder, first), bytes, LINES_PER_SECOND);
  for (const name of others) copyFileSync(join(folder, first), join(folder, name));
  return lines;
}

function runAgent({ url, token }: Server, name: string, log: string): Promise<Ended> {
  return runHlm(['agent', '--once', '--name', name, '--url', url, log], { HLM_TOKEN: token });
}

/** Looks at a server's memory from time to time. */
class Sampling {
  private readonly bytes: number[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor({ child }: Server) {
    this.timer = setInterval(() => this.bytes.push(memoryOf(child.pid!)), SAMPLE_MS);
  }

  /** Median, bytes. */
  stop(): number {
    clearInterval(this.timer);
    return median(this.bytes);
  }
}
