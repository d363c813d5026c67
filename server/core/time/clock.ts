/**
 * The time of streams, and what follows from it for their agent: the alert clock and the watermark.
 *
 * Event time moves by messages, not by waiting: a source that falls silent without having said that it is caught up is
 * trouble, not quiet, and must not decide anything. Only a script, which never sends heartbeats, is taken at its word
 * after a while.
 *
 * All times are milliseconds since the epoch. `nowMs` and every receipt are of one clock, the server's (the database's);
 * event times come in clamped to it.
 */

/** How late an entry may be before the window that it amends counts as complete. */
export const ALLOWED_LATENESS_MS = 120_000;

/** How long alert decisions wait for lines out of order. */
export const EVALUATION_DELAY_MS = 5_000;

/** A source without heartbeats is idle when its last batch is this old: six times the heartbeats' interval. */
export const SCRIPT_IDLE_AFTER_MS = 30_000;

/** A stream that the agent has not named for so long, while it named others, is no longer held: twelve heartbeats. */
export const UNHELD_AFTER_MS = 60_000;

/** What is known of one stream of an agent. */
export interface StreamClockInput {
  /** Newest event time, each taken as at most the server's clock at receipt; null: no entry yet. */
  newestEventMs: number | null;
  /** Receipt of its last batch. */
  lastBatchAtMs: number | null;
  /** Receipt of the last heartbeat that said it was caught up (no backlog). */
  caughtUpAtMs: number | null;
  /** Receipt of the last heartbeat that named it. */
  lastHeartbeatAtMs: number | null;
  /** False for a script: no heartbeat ever named it. */
  everHeartbeat: boolean;
  /** An old file, taken in beside live ones. */
  catchingUp: boolean;
  /** Gone and wholly acknowledged. */
  closed: boolean;
  /** A heartbeat with `ending: true` named it, and no batch has come since (default: false). */
  ended?: boolean;
}

/**
 * Whether nothing is outstanding from a stream: from a caught-up heartbeat received after its last batch until its next
 * batch. A script is idle once its last batch is 30 s old, an ended stream at once.
 *
 * A heartbeat received in the very millisecond of the batch does not count: it may have been sent before.
 */
export function streamIsIdle(stream: StreamClockInput, nowMs: number): boolean {
  if (stream.ended) return true;
  if (isScript(stream)) return stream.lastBatchAtMs !== null && nowMs - stream.lastBatchAtMs >= SCRIPT_IDLE_AFTER_MS;
  return stream.caughtUpAtMs !== null && stream.caughtUpAtMs > (stream.lastBatchAtMs ?? Number.NEGATIVE_INFINITY);
}

/**
 * A stream's event time: everything up to it is here, but for lines out of order. Null: no entry yet.
 *
 * The newest event; while idle, as much later as it has been known to be quiet: from the receipt of its last batch to
 * that of its last caught-up heartbeat, no further. A script, when idle, has been quiet until now. Never after `nowMs`.
 */
export function streamTimeMs(stream: StreamClockInput, nowMs: number): number | null {
  const { newestEventMs, lastBatchAtMs } = stream;
  if (newestEventMs === null || lastBatchAtMs === null || !streamIsIdle(stream, nowMs)) return newestEventMs;
  const quietUntilMs = isScript(stream) ? nowMs : (stream.caughtUpAtMs ?? lastBatchAtMs);
  return newestEventMs + Math.max(0, quietUntilMs - lastBatchAtMs);
}

/** A stream's watermark, by which its entries are late: newest event − allowed lateness. Null: no entry yet. */
export function streamWatermarkMs(stream: Pick<StreamClockInput, 'newestEventMs'>): number | null {
  return stream.newestEventMs === null ? null : stream.newestEventMs - ALLOWED_LATENESS_MS;
}

/**
 * The streams that have a say in their agent's time: those not closed, but for one that was last heard of 60 s before
 * the agent's latest sign of life (a heartbeat that names it or a batch): the agent goes on without it.
 *
 * Measured against the agent's own latest sign, not against the wall clock: when an agent dies, all its streams fall
 * silent together, none is left out, and nothing is decided because of it.
 */
export function heldStreams(streams: readonly StreamClockInput[]): StreamClockInput[] {
  const open = streams.filter((stream) => !stream.closed);
  const latestSignMs = Math.max(...open.map(lastSignMs));
  return open.filter((stream) => {
    const signMs = lastSignMs(stream);
    return signMs === latestSignMs || latestSignMs - signMs < UNHELD_AFTER_MS;
  });
}

/**
 * Whether an agent's sources have ended: it said so (`ending: true`), and holds no stream that may still say something.
 *
 * Then all seconds up to the newest event are decided at once, and what fires on to at most newest event + window,
 * only to recover.
 */
export function agentHasEnded(streams: readonly StreamClockInput[], nowMs: number): boolean {
  if (!streams.some((stream) => stream.ended)) return false;
  return heldStreams(streams).every(
    (stream) => stream.ended || (stream.newestEventMs === null && streamIsIdle(stream, nowMs)),
  );
}

/**
 * An agent's alert clock, the evaluation delay taken off. The caller keeps it from going back. Null: nothing gives
 * it a time, no entry yet for instance; the clock then stays where it was.
 *
 * The least time of the held streams that are neither idle nor catching up; where there is none, the greatest of those
 * idle; where there is none of these either, the least of those catching up. An old file that is idle and still said to
 * be catching up comes after those that are not done: beside another old file, its end must not decide for both.
 *
 * A stream without an entry has no time and no say; where the held ones have no entry at all, because the log was just
 * rotated, the closed ones have (see `closedTimeMs`).
 *
 * Once the agent has ended, the end of the newest event's second, without delay: nothing will come that is out of order.
 */
export function alertClockMs(streams: readonly StreamClockInput[], nowMs: number): number | null {
  if (agentHasEnded(streams, nowMs)) {
    const newestMs = greatest(streams.map((stream) => stream.newestEventMs));
    return newestMs === null ? null : (Math.floor(newestMs / 1000) + 1) * 1000;
  }
  const { live, idle, catchingUp, oldIdle } = byActivity(heldStreams(streams), nowMs);
  const times = (some: StreamClockInput[]) => some.map((stream) => streamTimeMs(stream, nowMs));
  const timeMs =
    least(times(live)) ??
    greatest(times(idle)) ??
    least(times(catchingUp)) ??
    greatest(times(oldIdle)) ??
    closedTimeMs(streams, nowMs);
  return timeMs === null ? null : timeMs - EVALUATION_DELAY_MS;
}

/** The last second that is decided at this clock: second `t` is, once the clock has reached its end, `t` + 1 s. */
export function decidableUntil(clockMs: number): number {
  return Math.floor(clockMs / 1000) - 1;
}

/**
 * An agent's watermark: a window is complete when it has passed the window's end. The caller keeps it from going back.
 * Null: no entry yet.
 *
 * The least of the held streams that are neither idle nor catching up; where none is left, the greatest of all its
 * streams, closed ones too: what an agent without live streams has sent is as old as its newest entry.
 */
export function agentWatermarkMs(streams: readonly StreamClockInput[], nowMs: number): number | null {
  const { live } = byActivity(heldStreams(streams), nowMs);
  return least(live.map(streamWatermarkMs)) ?? greatest(streams.map(streamWatermarkMs));
}

/**
 * The wall time, after `nowMs`, at which the alert clock may reach another second, or the watermark move, without any
 * new message; null: not before one comes. It may be too early, never too late, so that the evaluator can sleep.
 *
 * Only scripts do so: when one becomes idle, and, where idle streams give the time, with each second that passes.
 */
export function nextClockChange(streams: readonly StreamClockInput[], nowMs: number): number | null {
  if (agentHasEnded(streams, nowMs)) return null;
  const held = heldStreams(streams);
  const scripts = held.filter((stream) => isScript(stream) && stream.newestEventMs !== null);
  const becomingIdle = scripts
    .filter((script) => script.lastBatchAtMs !== null && !streamIsIdle(script, nowMs))
    .map((script) => script.lastBatchAtMs! + SCRIPT_IDLE_AFTER_MS);

  const clockMs = alertClockMs(streams, nowMs);
  const liveGivesTime = byActivity(held, nowMs).live.some((stream) => stream.newestEventMs !== null);
  if (clockMs === null || liveGivesTime) return least(becomingIdle);

  // All scripts are idle here: their times run with the wall clock, and the first to reach the next second moves it.
  const nextSecondMs = (Math.floor(clockMs / 1000) + 1) * 1000 + EVALUATION_DELAY_MS;
  return least(scripts.map((script) => nextSecondMs - script.newestEventMs! + script.lastBatchAtMs!));
}

/**
 * The time of an agent whose entries are all of closed streams: theirs, and quiet for as long since as the streams that
 * it holds say that they are caught up. Null: one of these is not. Without it, what fires when a log is rotated would
 * not recover before the new file's first entry.
 */
function closedTimeMs(streams: readonly StreamClockInput[], nowMs: number): number | null {
  const held = heldStreams(streams);
  if (!held.every((stream) => streamIsIdle(stream, nowMs))) return null;
  const times = streams.map(({ closed, newestEventMs, lastBatchAtMs, caughtUpAtMs }) => {
    if (!closed || newestEventMs === null || lastBatchAtMs === null) return null;
    const quietUntilMs = greatest([lastBatchAtMs, caughtUpAtMs, ...held.map((stream) => stream.caughtUpAtMs)])!;
    return newestEventMs + quietUntilMs - lastBatchAtMs;
  });
  return greatest(times);
}

function isScript(stream: StreamClockInput): boolean {
  return !stream.everHeartbeat;
}

function lastSignMs({ lastHeartbeatAtMs, lastBatchAtMs }: StreamClockInput): number {
  return Math.max(lastHeartbeatAtMs ?? Number.NEGATIVE_INFINITY, lastBatchAtMs ?? Number.NEGATIVE_INFINITY);
}

function byActivity(streams: readonly StreamClockInput[], nowMs: number) {
  const idle = streams.filter((stream) => streamIsIdle(stream, nowMs));
  const busy = streams.filter((stream) => !streamIsIdle(stream, nowMs));
  return {
    live: busy.filter((stream) => !stream.catchingUp),
    idle: idle.filter((stream) => !stream.catchingUp),
    catchingUp: busy.filter((stream) => stream.catchingUp),
    oldIdle: idle.filter((stream) => stream.catchingUp),
  };
}

function least(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function greatest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.max(...known);
}
