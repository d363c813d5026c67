import type { LogFilter } from '../core/retention/filter.js';
import type { WindowKeeps } from '../core/rollup/floors.js';
import { badInput, notFound } from '../errors.js';
import type { Database } from '../store/database.js';
import { readAgents } from '../store/sql/agents.sql.js';
import { type RetentionReport, reportOf } from './report.js';
import { type RetentionChange, type RetentionSettings, readSettings, writeSettings } from './settings.js';

const DAY_SECONDS = 86_400;
const KEEP_SECONDS_MIN = 60;
/** So that the partitions of raw entries stay few. */
const KEEP_SECONDS_MAX = 400 * DAY_SECONDS;
/** Alert rules look back a day over the finest windows. */
const WINDOW_KEEP_SECONDS_MIN = 2 * DAY_SECONDS;
const POLICIES_MAX = 50;
const NAME_LENGTH_MAX = 200;
const TEXT_LENGTH_MAX = 1_000;
const RESOLUTIONS = ['10', '60', '3600', '86400'];

/** What a tenant keeps, and for how long. */
export class RetentionService {
  constructor(
    private readonly db: Database,
    /** What is stored already must follow. */
    private readonly onChanged: (tenantId: string) => Promise<void>,
  ) {}

  read(tenantId: string): Promise<RetentionSettings> {
    return this.db.inTenants([tenantId], (tx) => readSettings(tx, tenantId), { snapshot: true });
  }

  report(tenantId: string): Promise<RetentionReport> {
    return this.db.inTenants([tenantId], (tx) => reportOf(tx, tenantId), { snapshot: true });
  }

  /**
   * Changes what is given. In force at once for what comes; a job lays out anew what is stored.
   *
   * @throws ApiError BAD_USER_INPUT for values out of range, NOT_FOUND for agents that are not the tenant's.
   */
  async set(tenantId: string, change: RetentionChange): Promise<RetentionSettings> {
    const { policies = [], defaultSeconds } = change;
    if (defaultSeconds !== undefined) checkKeep('defaultLogs', defaultSeconds);
    if (policies.length > POLICIES_MAX)
      throw badInput(`There are ${policies.length} policies; at most ${POLICIES_MAX}.`);
    for (const { name, filter, keepSeconds } of policies) {
      if (name.trim() === '' || name.length > NAME_LENGTH_MAX || name.includes('\0'))
        throw badInput(`A policy's name must have 1 to ${NAME_LENGTH_MAX} characters.`);
      checkKeep(`keepLogs of ${name}`, keepSeconds);
      checkFilter(name, filter);
    }
    const settings = await this.db.inTenants([tenantId], async (tx) => {
      const named = [...new Set(policies.flatMap(({ agentIds }) => agentIds))];
      const known = named.length === 0 ? [] : await readAgents(tx.sql, tenantId, named);
      if (known.length < named.length) throw notFound('Agent');
      const before = await readSettings(tx, tenantId);
      const windows = change.windows && { ...before.windows, ...change.windows };
      if (windows) checkWindows(windows);
      return writeSettings(tx, tenantId, { ...change, ...(windows ? { windows } : {}) });
    });
    await this.onChanged(tenantId);
    return settings;
  }
}

function checkKeep(what: string, seconds: number): void {
  if (seconds < KEEP_SECONDS_MIN || seconds > KEEP_SECONDS_MAX)
    throw badInput(`${what} must be a minute to 400 days (PT1M to P400D).`);
}

function checkFilter(name: string, filter: LogFilter): void {
  for (const [key, value] of Object.entries(filter)) {
    if (typeof value === 'string' && (value.length > TEXT_LENGTH_MAX || value.includes('\0')))
      throw badInput(`${key} of ${name} must have at most ${TEXT_LENGTH_MAX} characters, and no NUL.`);
  }
}

/** Coarser windows are made of finer ones: they are kept as long, or longer. */
function checkWindows(windows: WindowKeeps): void {
  let [keepBefore, breakdownsBefore] = [0, 0];
  for (const resolution of RESOLUTIONS) {
    const keep = windows[resolution]?.keep ?? Number.POSITIVE_INFINITY;
    const keepBreakdowns = windows[resolution]?.keepBreakdowns ?? keep;
    const where = `windows of ${resolution} seconds`;
    if (keep < WINDOW_KEEP_SECONDS_MIN) throw badInput(`keep of ${where} must be two days (P2D) or more.`);
    if (keepBreakdowns < KEEP_SECONDS_MIN * 60)
      throw badInput(`keepBreakdowns of ${where} must be an hour (PT1H) or more.`);
    if (keepBreakdowns > keep) throw badInput(`keepBreakdowns of ${where} must not be longer than keep.`);
    if (keep < keepBefore || keepBreakdowns < breakdownsBefore)
      throw badInput(`${where} must be kept as long as finer ones, or longer: they are made of them.`);
    [keepBefore, breakdownsBefore] = [keep, keepBreakdowns];
  }
}
