import DataLoader from 'dataloader';
import type { Part } from '../../core/windows/breakdown.js';
import { RESOLUTIONS } from '../../core/windows/resolutions.js';
import type { Database, Transaction } from '../../store/database.js';
import type { TrafficFloors } from '../../store/sql/tenant-traffic.sql.js';
import {
  addBreakdowns,
  type Bucket,
  type Buckets,
  type BucketsQuery,
  emptyBucket,
  type OwnedBuckets,
  readBuckets,
  sumBuckets,
} from '../../store/traffic/buckets.js';
import { commonFloors, rangesFor, ScopeMarks, type TrafficScope } from '../../store/traffic/ranges.js';
import { readScopes } from '../../store/traffic/scope.js';
import type { Span } from '../timeframe.js';
import { BreakdownBudget } from './budget.js';
import { type Frame, frameOf, pointsOf, type SeriesAsked, type SeriesShape, seriesShape } from './frame.js';

/** Whose traffic, and when. */
export interface TrafficKey {
  /** Null: all of the tenant's agents. */
  agentIds: readonly string[] | null;
  span: Span;
}

export type TrafficWish =
  | { kind: 'frame' }
  | { kind: 'total'; parts: readonly Part[] }
  | { kind: 'series'; asked: SeriesAsked; parts: readonly Part[]; revisions: boolean };

export interface TrafficAsked extends TrafficKey {
  wish: TrafficWish;
}

export interface TrafficAnswer {
  frame: Frame;
  scope: TrafficScope;
  /** Of a total. */
  total: Bucket;
  /** Of a series. */
  shape: SeriesShape | null;
  buckets: Buckets;
}

/** One timeframe of one scope, and all that is asked of it. */
interface Unit extends TrafficKey {
  frame: Frame;
  scope: TrafficScope;
  wishes: { place: number; wish: TrafficWish; shape: SeriesShape | null }[];
}

/**
 * Reads what a request asks of traffic, all at once, in one snapshot: agents that are asked the same of share their
 * statements, and totals are summed from the series beside them, so that no row is read twice.
 */
export class TrafficLoader {
  private readonly loader: DataLoader<TrafficAsked, TrafficAnswer>;
  private readonly budget = new BreakdownBudget();

  constructor(db: Database, tenantId: string, signal?: AbortSignal) {
    this.loader = new DataLoader(
      (asked) =>
        db.inTenants([tenantId], (tx) => readAll(tx, tenantId, asked, this.budget), { snapshot: true, signal }),
      { cache: false },
    );
  }

  load(asked: TrafficAsked): Promise<TrafficAnswer> {
    return this.loader.load(asked);
  }
}

type Answers = (TrafficAnswer | Error)[];

async function readAll(
  tx: Transaction,
  tenantId: string,
  asked: readonly TrafficAsked[],
  budget: BreakdownBudget,
): Promise<Answers> {
  const answers: Answers = new Array(asked.length);
  const units = await unitsOf(tx, tenantId, asked, answers, budget);
  for (const group of groupsOf(units)) await readGroup(tx, tenantId, group, answers);
  return answers;
}

async function unitsOf(
  tx: Transaction,
  tenantId: string,
  asked: readonly TrafficAsked[],
  answers: Answers,
  budget: BreakdownBudget,
): Promise<Unit[]> {
  const keys = new Map<string, TrafficKey & { places: number[] }>();
  asked.forEach(({ agentIds, span }, place) => {
    const key = JSON.stringify([agentIds, span]);
    const known = keys.get(key);
    if (known) known.places.push(place);
    else keys.set(key, { agentIds, span, places: [place] });
  });
  const distinct = [...keys.values()];
  const scopes = await readScopes(
    tx.sql,
    tenantId,
    distinct.map(({ agentIds }) => agentIds),
  );
  return distinct.map(({ agentIds, span, places }, i) => {
    const frame = frameOf(span, commonFloors(scopes[i], 'windowFloors'));
    const unit: Unit = { agentIds, span, frame, scope: scopes[i], wishes: [] };
    for (const place of places) addWish(unit, place, asked[place].wish, answers, budget);
    return unit;
  });
}

/** What cannot be told is one field's error. */
function addWish(unit: Unit, place: number, wish: TrafficWish, answers: Answers, budget: BreakdownBudget): void {
  try {
    const shape = wish.kind === 'series' ? seriesShape(unit.frame, wish.asked) : null;
    if (wish.kind !== 'frame') budget.take(shape ? pointsOf(unit.frame, shape) : 1, wish.parts, keysOf(shape ?? WHOLE));
    unit.wishes.push({ place, wish, shape });
  } catch (error) {
    answers[place] = error as Error;
  }
}

/** Single agents of whom the same is asked are read together. */
function groupsOf(units: readonly Unit[]): Unit[][] {
  const groups = new Map<string, Unit[]>();
  units.forEach((unit, i) => {
    const { frame, scope, wishes } = unit;
    const alone = scope.tenant === null && scope.agents.length === 1;
    const key = alone ? JSON.stringify([frame, wishes.map(({ wish, shape }) => [wish, shape])]) : String(i);
    groups.set(key, [...(groups.get(key) ?? []), unit]);
  });
  return [...groups.values()];
}

async function readGroup(tx: Transaction, tenantId: string, units: Unit[], answers: Answers): Promise<void> {
  const [{ frame, wishes, scope: first }] = units;
  const scope = units.length === 1 ? first : { agents: units.flatMap((unit) => unit.scope.agents), tenant: null };
  const reader = new GroupReader(tx, tenantId, scope, frame.span, units.length > 1);
  const series = new Map<number, OwnedBuckets>();
  for (const [i, { wish, shape }] of wishes.entries()) {
    if (wish.kind === 'series') series.set(i, await reader.buckets(shape!, wish.parts, wish.revisions));
  }
  const [beside] = series.values();
  for (const [i, { wish }] of wishes.entries()) {
    const whole = wish.kind === 'total' ? await reader.totals(wish.parts, beside) : undefined;
    for (const unit of units) {
      const owner = units.length === 1 ? null : unit.scope.agents[0].id;
      const { place, shape } = unit.wishes[i];
      const buckets = series.get(i)?.get(owner) ?? new Map<number, Bucket>();
      answers[place] = { frame, scope: unit.scope, shape, buckets, total: whole?.get(owner)?.get(0) ?? emptyBucket() };
    }
  }
}

const WHOLE: SeriesShape = { stepMs: Number.POSITIVE_INFINITY, resolution: Number.POSITIVE_INFINITY };

/** Tops of a series keep as many keys as the windows that it is read at, those of a total as many as any. Seconds. */
function keysOf({ resolution }: SeriesShape): number {
  return Number.isFinite(resolution) ? resolution : RESOLUTIONS[0];
}

/** Reads one span of one group of agents. */
class GroupReader {
  private marks: Promise<ScopeMarks> | undefined;

  constructor(
    private readonly tx: Transaction,
    private readonly tenantId: string,
    private readonly scope: TrafficScope,
    private readonly span: Span,
    private readonly byAgent: boolean,
  ) {}

  async buckets(shape: SeriesShape, parts: readonly Part[], revisions: boolean): Promise<OwnedBuckets> {
    // Windows of the whole tenant do not know the revisions of its agents.
    const scope = revisions ? { ...this.scope, tenant: null } : this.scope;
    const owners = await readBuckets(this.tx.sql, await this.query(scope, shape, 'windowFloors'));
    await this.addParts(owners, shape, parts);
    return owners;
  }

  /** Of the whole span: summed from a series of it where there is one. */
  async totals(parts: readonly Part[], series: OwnedBuckets | undefined): Promise<OwnedBuckets> {
    const read = series ?? (await this.buckets(WHOLE, [], false));
    const owners: OwnedBuckets = new Map(
      [...read].map(([owner, buckets]) => [owner, new Map([[0, sumBuckets(buckets)]])]),
    );
    await this.addParts(owners, WHOLE, parts);
    return owners;
  }

  private async addParts(owners: OwnedBuckets, shape: SeriesShape, parts: readonly Part[]): Promise<void> {
    if (parts.length === 0) return;
    const query = await this.query(this.scope, shape, 'breakdownFloors');
    const floors = commonFloors(this.scope, 'breakdownFloors');
    await addBreakdowns(this.tx.sql, owners, { ...query, parts, floors, keysOf: keysOf(shape) });
  }

  private async query(
    scope: TrafficScope,
    { stepMs, resolution }: SeriesShape,
    kind: keyof TrafficFloors,
  ): Promise<BucketsQuery> {
    this.marks ??= ScopeMarks.read(this.tx.sql, this.tenantId, this.scope, this.span);
    const ranges = rangesFor(scope, await this.marks, { span: this.span, stepMs, resolution, kind });
    return { tenantId: this.tenantId, ranges, stepMs, byAgent: this.byAgent };
  }
}
