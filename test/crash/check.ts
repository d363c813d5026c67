import { checkAlerts } from './check-alerts.js';
import { checkEntries } from './check-entries.js';
import { checkLedger, readAgents } from './check-ledger.js';
import { checkNotifications, type NotificationsFound, type ToldUnderFire } from './check-notifications.js';
import { checkStored } from './check-stored.js';
import { checkWindows } from './check-windows.js';
import { type AgentUnderFire, LIVE_AGENT, type ServerUnderFire } from './processes.js';
import type { ToldRule } from './rules.js';
import { readTruth, type TrueEntry, type TrueFile } from './truth.js';

/** What an agent's files hold. */
export interface AgentTruth {
  name: string;
  id: string;
  files: TrueFile[];
  entries: TrueEntry[];
}

export interface Truth {
  agents: AgentTruth[];
  /** The name of the agent that wrote an entry. */
  agentOf: (entry: TrueEntry) => string;
}

export interface Findings {
  files: number;
  /** Lines that are entries. */
  lines: number;
  lost: number;
  doubled: number;
  windows: number;
  rows: number;
  alertEvents: number;
  notifications: Pick<NotificationsFound, 'sent' | 'doubled' | 'missed' | 'reminders'>;
  /** Batches that came again, and changed nothing. */
  duplicates: number;
  /** All that differs from the files, in words; empty where all is well. */
  wrong: string[];
}

export interface CheckOptions {
  server: ServerUnderFire;
  agents: readonly AgentUnderFire[];
  rules: readonly ToldRule[];
  told: ToldUnderFire;
  hurry: boolean;
  say: (line: string) => void;
}

/** Compares all that the server stores with all that the files hold. Everything was taken in. */
export async function check({ server, agents, rules, told, hurry, say }: CheckOptions): Promise<Findings> {
  const stored = await readAgents(server);
  const truth = truthOf(agents, (name) => stored.find((agent) => agent.name === name)?.id ?? '');
  const wrong: string[] = [];
  const step = <Found extends { wrong: string[] }>(what: string, found: Found): Found => {
    wrong.push(...found.wrong);
    say(`${what}: ${found.wrong.length === 0 ? 'right' : `${found.wrong.length} WRONG`}`);
    return found;
  };
  const { duplicates } = step('ledger', checkLedger(stored, truth));
  const dirty = hurry ? null : step('windows, some of them dirty', await checkWindows(server, truth));
  const entries = await Promise.all(truth.agents.map((agent) => checkEntries(server, agent)));
  for (const found of entries) step('raw entries', found);
  const live = truth.agents.find(({ name }) => name === LIVE_AGENT)!;
  const alerts = step('alert events', await checkAlerts(server, live, rules));
  const { sent, doubled, missed, reminders } = step(
    'notifications',
    await checkNotifications(server.folder, live.id, rules, { ...told, hurry }),
  );
  const rows = step('rows', await checkStored(server.folder, truth, hurry));
  const rolledUp = step('windows, rolled up', await checkWindows(server, truth));
  return {
    files: truth.agents.reduce((sum, { files }) => sum + files.length, 0),
    lines: truth.agents.reduce((sum, { entries }) => sum + entries.length, 0),
    lost: entries.reduce((sum, { lost }) => sum + lost.length, 0),
    doubled: entries.reduce((sum, { doubled }) => sum + doubled.length, 0),
    windows: (dirty?.count ?? 0) + rolledUp.count,
    rows: rows.count,
    alertEvents: alerts.count,
    notifications: { sent, doubled, missed, reminders },
    duplicates,
    wrong,
  };
}

function truthOf(agents: readonly AgentUnderFire[], idOf: (name: string) => string): Truth {
  const writers = new Map<TrueEntry, string>();
  const known = agents.map(({ name, logs }) => {
    const files = logs.flatMap((log) => log.files.map(readTruth));
    const entries = files.flatMap((file) => file.entries);
    for (const entry of entries) writers.set(entry, name);
    return { name, id: idOf(name), files, entries };
  });
  return { agents: known, agentOf: (entry) => writers.get(entry)! };
}
