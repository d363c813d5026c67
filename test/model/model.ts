import type { TrueEntry } from '../crash/truth.js';
import type { Line } from './lines.js';
import type { ModelRule } from './model-alerts.js';

/** What is counted of a stream, and of an agent. */
export interface Ledger {
  lines: number;
  accepted: number;
  malformed: number;
  quarantined: number;
  skipped: number;
  late: number;
}
export const LEDGER = ['lines', 'accepted', 'malformed', 'quarantined', 'skipped', 'late'] as const;
export const emptyLedger = (): Ledger => ({
  lines: 0,
  accepted: 0,
  malformed: 0,
  quarantined: 0,
  skipped: 0,
  late: 0,
});

/** An accepted entry, and what of it is still there. */
export interface ModelEntry extends TrueEntry {
  agent: string;
  /** In the windows. */
  counted: boolean;
  /** As a raw entry. */
  stored: boolean;
  /** Since it was taken in, as far as a history says. */
  ageSeconds: number;
}

/** Hash of a stretch of a source. */
export interface Digest {
  length: number;
  sha256: string;
}

/** One source: what it holds, and what the server should know of it. */
export interface ModelStream {
  name: string;
  /** As the server named it; a script's own name. */
  id: string;
  scripted: boolean;
  lines: Line[];
  /** As the last claim told it; a script has none. */
  head: Digest | null;
  epoch: number;
  position: number;
  newestMs: number | null;
  ended: boolean;
  ledger: Ledger;
  duplicateBatches: number;
}

export interface ModelAgent {
  name: string;
  id: string;
  streams: ModelStream[];
  entries: ModelEntry[];
  watermarkMs: number | null;
  alertClockMs: number | null;
  /** Up to which the server is known to have decided, each rule for itself. */
  settled: string;
  /** Rules that watch it. */
  rules: ModelRule[];
}

/** A batch, as a process sends it: between two positions of a source. */
export interface Batch {
  from: number;
  to: number;
  epoch: number | null;
  lines: readonly Line[];
}

export interface Outcome {
  outcome: 'APPENDED' | 'DUPLICATE' | 'OUT_OF_SEQUENCE' | 'FENCED';
  accepted: number;
  late: number;
  malformed: number;
  quarantined: number;
  position: number;
}

export const KEEP_SECONDS = 3_600;
export const KEEP_ERRORS_SECONDS = 7 * 86_400;
const ALLOWED_LATENESS_MS = 120_000;
const EVALUATION_DELAY_MS = 5_000;

/** What the server should hold, after all that was done: plain lists of entries, counted anew each time. */
export class Model {
  readonly agents: ModelAgent[] = [];
  /** Lines so far: each has a number of its own. */
  lines = 0;
  steps = 0;
  restarts = 0;

  agent(name: string): ModelAgent {
    return this.agents.find((agent) => agent.name === name)!;
  }

  /** What becomes of a batch: it is appended where the stream stands, else nothing is changed but a count. */
  send(agent: ModelAgent, stream: ModelStream, { from, to, epoch, lines }: Batch): Outcome {
    const nothing = { accepted: 0, late: 0, malformed: 0, quarantined: 0, position: stream.position };
    if (epoch !== null && epoch !== stream.epoch) return { ...nothing, outcome: 'FENCED' };
    if (from !== stream.position) {
      if (to > stream.position) return { ...nothing, outcome: 'OUT_OF_SEQUENCE' };
      stream.duplicateBatches++;
      return { ...nothing, outcome: 'DUPLICATE' };
    }
    const count = (...kinds: string[]) => lines.filter(({ kind }) => kinds.includes(kind)).length;
    const accepted = lines.filter(({ kind }) => kind === 'entry').map((line) => line.entry);
    const counts = {
      accepted: accepted.length,
      late: accepted.filter(({ timeMs }) => isLate(timeMs, stream.newestMs)).length,
      malformed: count('malformed', 'out of range'),
      quarantined: count('before 1990', 'in an hour'),
    };
    const lineCount = counts.accepted + counts.malformed + counts.quarantined;
    const batch: Ledger = { ...counts, skipped: count('blank'), lines: lineCount };
    for (const name of LEDGER) stream.ledger[name] += batch[name];
    for (const entry of accepted) {
      stream.newestMs = Math.max(stream.newestMs ?? entry.timeMs, entry.timeMs);
      agent.entries.push({ ...entry, agent: agent.name, counted: true, stored: true, ageSeconds: 0 });
    }
    stream.position = to;
    stream.ended = false;
    this.moveClocks(agent);
    return { ...counts, outcome: 'APPENDED', position: to };
  }

  /** A heartbeat that says that nothing more will come. */
  end(agent: ModelAgent): void {
    for (const stream of agent.streams) stream.ended = true;
    this.moveClocks(agent);
  }

  /** Decides what the rules have to say of an agent up to its clock. */
  decide(agent: ModelAgent): void {
    if (agent.alertClockMs === null || agent.entries.length === 0) return;
    const untilSecond = Math.floor(agent.alertClockMs / 1_000) - 1;
    for (const rule of agent.rules) rule.decide(agent.entries, untilSecond, hasEnded(agent));
  }

  /** Event time moves by what is sent alone: no stream ever says here that it is caught up. */
  private moveClocks(agent: ModelAgent): void {
    const timesOf = (streams: ModelStream[]) => streams.map(({ newestMs }) => newestMs).filter((time) => time !== null);
    const live = timesOf(agent.streams.filter(({ ended }) => !ended));
    const all = timesOf(agent.streams);
    if (all.length === 0) return;
    const timeMs = live.length > 0 ? Math.min(...live) : Math.max(...all);
    agent.watermarkMs = Math.max(agent.watermarkMs ?? 0, timeMs - ALLOWED_LATENESS_MS);
    const clockMs = hasEnded(agent)
      ? Math.floor(Math.max(...all) / 1_000) * 1_000 + 1_000
      : timeMs - EVALUATION_DELAY_MS;
    agent.alertClockMs = Math.max(agent.alertClockMs ?? clockMs, clockMs);
  }
}

/** By the policies of a history: errors are kept for days, all else for an hour. */
export const isExpired = ({ ageSeconds, status }: ModelEntry): boolean =>
  ageSeconds >= (status >= 400 ? KEEP_ERRORS_SECONDS : KEEP_SECONDS);

const hasEnded = ({ streams }: ModelAgent): boolean => streams.length > 0 && streams.every(({ ended }) => ended);

/** Its window of 10 seconds had ended when two minutes of allowed lateness had passed. */
function isLate(timeMs: number, newestMs: number | null): boolean {
  const windowEndMs = timeMs - (timeMs % 10_000) + 10_000;
  return newestMs !== null && newestMs - ALLOWED_LATENESS_MS >= windowEndMs;
}

/** Positions of a source: where each of its lines begins, and where the last one ends. */
export function bordersOf({ lines }: ModelStream): number[] {
  const borders = [0];
  for (const { text } of lines) borders.push(borders.at(-1)! + text.length);
  return borders;
}

/** The lines between two places of a source, under the stream's claim unless another is named. */
export function batchOf(stream: ModelStream, fromLine: number, toLine: number, epoch = stream.epoch): Batch {
  const borders = bordersOf(stream);
  return { from: borders[fromLine], to: borders[toLine], epoch, lines: stream.lines.slice(fromLine, toLine) };
}

/** How many lines of its source the server has taken in. */
export const linesTaken = (stream: ModelStream): number => bordersOf(stream).indexOf(stream.position);
