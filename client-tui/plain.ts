import type { AgentLive, FleetState } from '../client/feeds/fleet-feed.js';
import { visibleAgents } from '../client/feeds/fleet-feed.js';
import { count, percent, rate } from '../client/format/numbers.js';
import { safeText } from '../client/format/safe-text.js';
import { clockTime, fullTime } from '../client/format/times.js';
import { type AlertBook, newestFirst } from '../client/model/alerts.js';
import { LIVE_STEP_MS, NO_FIGURES, wholeWindowStart } from '../client/model/series.js';
import type { AgentCard } from '../schema/operations/agents.js';
import type { Feeds } from './feeds/feeds.js';
import { linkLines } from './link-lines.js';

/** Lines for a pipe, a log file, a terminal that can do nothing: no escapes, one fact a line. */

/** A file read in at full speed fills windows by the hundred: one line a server a second is enough. */
const LINE_EVERY_MS = 1_000;
/** A window that nothing is added to for so long is told though it is not whole. */
const QUIET_AFTER_MS = 10_000;
/** Alerts from before the start. */
const HISTORY = 10;

interface Told {
  wholeStartMs: number;
  /** Of the window that is filling: its start and hits, as last told or seen. */
  partStartMs: number;
  partHits: number;
  seenHits: number;
  seenAtMs: number;
  toldAtMs: number;
}

/** What has been told already, and so what is to be told now: no clock, no stream. */
export class PlainLines {
  private readonly told = new Map<string, Told>();
  private readonly events = new Set<string>();
  private begun = false;

  /** Only this server's lines where it is named. */
  constructor(private readonly agentName?: string) {}

  /** The lines that a state of the fleet asks for at an instant. */
  servers(state: Pick<FleetState, 'agents' | 'live'>, nowMs: number): string[] {
    return visibleAgents(state.agents, '').flatMap((agent) => {
      const live = state.live.get(agent.id);
      if (!live || (this.agentName !== undefined && agent.name !== this.agentName)) return [];
      const line = this.server(agent, live, nowMs);
      return line === null ? [] : [line];
    });
  }

  /** Alerts that were not told yet, the oldest first; at the beginning the last few. */
  alerts(book: AlertBook): string[] {
    const fresh = newestFirst(book).filter(
      (event) => !this.events.has(event.id) && (this.agentName === undefined || event.agentName === this.agentName),
    );
    for (const event of fresh) this.events.add(event.id);
    const shown = this.begun ? fresh : fresh.slice(0, HISTORY);
    this.begun = true;
    return shown.reverse().map(({ agentName, message, flappingUntil }) => {
      const flapping = flappingUntil === null ? '' : '  (flapping)';
      return `${safeText(agentName)}  ${safeText(message)}${flapping}`;
    });
  }

  private server(agent: AgentCard, live: AgentLive, nowMs: number): string | null {
    const wholeStartMs = wholeWindowStart(live.atMs);
    const partStartMs = Math.floor(live.atMs / LIVE_STEP_MS) * LIVE_STEP_MS;
    const partHits = partStartMs === wholeStartMs ? 0 : (live.series.get(partStartMs)?.stats.hits ?? 0);
    const before = this.told.get(agent.id);
    const told = before ?? nothingTold(nowMs);
    this.told.set(agent.id, told);
    if (told.partStartMs !== partStartMs || told.seenHits !== partHits) {
      if (told.partStartMs !== partStartMs) told.partHits = 0;
      Object.assign(told, { partStartMs, seenHits: partHits, seenAtMs: nowMs });
    }
    if (nowMs - told.toldAtMs < LINE_EVERY_MS) return null;
    const whole = live.series.get(wholeStartMs)?.stats;
    if (wholeStartMs > told.wholeStartMs && (before || whole)) {
      Object.assign(told, { wholeStartMs, toldAtMs: nowMs });
      return lineOf(agent, whole ?? NO_FIGURES, LIVE_STEP_MS, `10 s to ${fullTime(wholeStartMs + LIVE_STEP_MS)}`);
    }
    const quiet = nowMs - told.seenAtMs >= QUIET_AFTER_MS;
    if (partHits > told.partHits && (!before || quiet)) {
      Object.assign(told, { partHits, toldAtMs: nowMs });
      const so = live.series.get(partStartMs)!.stats;
      return lineOf(agent, so, live.atMs + 1_000 - partStartMs, `${clockTime(partStartMs)} to ${fullTime(live.atMs)}`);
    }
    return null;
  }
}

const nothingTold = (nowMs: number): Told => ({
  wholeStartMs: Number.NEGATIVE_INFINITY,
  partStartMs: Number.NEGATIVE_INFINITY,
  partHits: 0,
  seenHits: -1,
  seenAtMs: nowMs,
  toldAtMs: Number.NEGATIVE_INFINITY,
});

/** Server, hits, rate, errors; then the span that they are of. */
function lineOf(agent: AgentCard, stats: { hits: number; errorRate: number }, ms: number, covers: string): string {
  return [
    safeText(agent.name),
    `${count(stats.hits)} hits`,
    `${rate((stats.hits * 1_000) / ms)}/s`,
    `${percent(stats.errorRate)} errors`,
    `(${covers})`,
  ].join('  ');
}

export interface PlainOptions {
  feeds: Feeds;
  agent: string | undefined;
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream;
  now: () => number;
  signal: AbortSignal;
}

/** Writes lines until the signal ends it. How the connection is goes to standard error. */
export async function printPlain({ feeds, agent, stdout, stderr, now, signal }: PlainOptions): Promise<void> {
  const lines = new PlainLines(agent);
  let waiting = false;
  const print = () => {
    const fleet = feeds.fleet.state.get();
    const alerts = feeds.alerts.state.get();
    const fresh = [...lines.servers(fleet, now()), ...(alerts.loaded ? lines.alerts(alerts.book) : [])];
    if (fresh.length > 0) stdout.write(`${fresh.join('\n')}\n`);
    else if (fleet.loaded && fleet.agents.size === 0 && !waiting) {
      waiting = true;
      stderr.write('no servers yet; waiting for an agent\n');
    }
  };
  const stops = [
    feeds.fleet.state.subscribe(print),
    feeds.alerts.state.subscribe(print),
    feeds.link.subscribe(linkLines(feeds.link, stderr, now)),
  ];
  const timer = setInterval(print, LINE_EVERY_MS);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  clearInterval(timer);
  for (const stop of stops) stop();
}
