import type { Resolution } from '../../../schema/enums/index.js';
import { alignToKept, coarsestWithin, type Floors, finestKept, roundUp } from '../../core/rollup/plan.js';
import { RESOLUTIONS, rollupStart } from '../../core/windows/resolutions.js';
import { alignOutwards, stepFor } from '../../core/windows/series.js';
import { WINDOW_MS } from '../../core/windows/tumbling.js';
import { badInput } from '../../errors.js';
import type { Span } from '../timeframe.js';

/** Points of one series: what a wide screen can show several times over. */
const POINTS_MAX = 10_000;

/** The API's resolutions by their width in seconds. */
export const RESOLUTION_SECONDS: Record<Resolution, number> = {
  SECONDS_10: 10,
  MINUTE: 60,
  HOUR: 3_600,
  DAY: 86_400,
};
const NAMES = Object.keys(RESOLUTION_SECONDS) as Resolution[];
const COARSEST = RESOLUTION_SECONDS.DAY;

/** The API's word for a stored resolution; a month's windows answer for days. */
export function resolutionName(seconds: number): Resolution {
  return NAMES[Math.min(RESOLUTIONS.indexOf(seconds), NAMES.length - 1)];
}

/** What of a timeframe can be told. */
export interface Frame {
  /** Aligned outwards to `resolution`. */
  span: Span;
  /** Seconds, the finest kept over the whole span. */
  resolution: number;
}

/** @param floors of the windows' numbers, common to all agents */
export function frameOf(span: Span, floors: Floors): Frame {
  const aligned = alignOutwards(span);
  const resolution = Math.min(finestKept(floors, aligned.fromMs), COARSEST);
  return {
    resolution,
    span: { fromMs: rollupStart(aligned.fromMs, resolution), toMs: roundUp(aligned.toMs, resolution) },
  };
}

/** Where breakdowns of a span come from: the windows still kept that it touches. */
export function breakdownFrame(span: Span, floors: Floors): Frame {
  const resolution = Math.min(finestKept(floors, span.fromMs), COARSEST);
  return { resolution, span: alignToKept(span, floors) };
}

/** A series as it is asked for. */
export interface SeriesAsked {
  maxPoints: number;
  /** Seconds. */
  step: number | null;
  resolution: Resolution | null;
}

export interface SeriesShape {
  stepMs: number;
  /** Seconds; none coarser is read. */
  resolution: number;
}

/** Windows of a series, those that an edge cuts among them. */
export function pointsOf({ span }: Frame, { stepMs }: Pick<SeriesShape, 'stepMs'>): number {
  return Math.ceil(span.toMs / stepMs) - Math.floor(span.fromMs / stepMs);
}

/** @throws ApiError BAD_USER_INPUT for a series that cannot be told. */
export function seriesShape(frame: Frame, { maxPoints, step, resolution }: SeriesAsked): SeriesShape {
  if (maxPoints < 1 || maxPoints > POINTS_MAX)
    throw badInput(`maxPoints is ${maxPoints}; expected 1 to ${POINTS_MAX}.`);
  const spanMs = frame.span.toMs - frame.span.fromMs;
  const namedMs = step !== null ? step * 1_000 : resolution !== null ? RESOLUTION_SECONDS[resolution] * 1_000 : null;
  const stepMs = namedMs ?? Math.max(stepFor(spanMs, maxPoints), frame.resolution * 1_000);
  if (stepMs % WINDOW_MS !== 0) throw badInput('step must be a multiple of 10 seconds.');
  if (resolution !== null && stepMs % (RESOLUTION_SECONDS[resolution] * 1_000) !== 0)
    throw badInput(`step must be a multiple of the resolution ${resolution}.`);
  const readAt = resolution === null ? coarsestWithin(stepMs) : RESOLUTION_SECONDS[resolution];
  if (stepMs % (frame.resolution * 1_000) !== 0 || readAt < frame.resolution)
    throw badInput(
      `Windows finer than the resolution ${resolutionName(frame.resolution)} are not kept over this span.`,
    );
  if (spanMs / stepMs > POINTS_MAX)
    throw badInput(`The series would have ${Math.ceil(spanMs / stepMs)} points; at most ${POINTS_MAX}.`);
  return { stepMs, resolution: readAt };
}
