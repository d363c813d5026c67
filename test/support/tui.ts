import type { AgentCard } from '../../schema/operations/agents.js';
import type { AlertEventCard, AlertRuleCard } from '../../schema/operations/alerts.js';
import type { Figures, SeriesWindow, TailEntry, Tops } from '../../schema/operations/live.js';

/** What a server would send to the terminal client, each with what matters to a test. */

export const agentCard = (given: Partial<AgentCard> = {}): AgentCard => ({
  id: 'a1',
  name: 'web-1',
  status: 'LIVE',
  lastSeenAt: '2019-02-07T21:19:03Z',
  firstEventAt: '2019-02-07T21:00:00Z',
  lastEventAt: '2019-02-07T21:19:03Z',
  backlogBytes: 0,
  ...given,
});

export const rule = (given: Partial<AlertRuleCard> = {}): AlertRuleCard => ({
  id: 'r1',
  name: 'High traffic',
  enabled: true,
  agentIds: [],
  metric: 'HITS_PER_SECOND',
  window: 'PT2M',
  comparison: 'GREATER_THAN',
  threshold: 10,
  recoveryThreshold: null,
  filter: null,
  minHits: 0,
  noDataAfter: null,
  ...given,
});

export const alertEvent = (given: Partial<AlertEventCard>): AlertEventCard => {
  const at = given.at ?? '2019-02-07T21:12:36Z';
  return {
    id: 'e1',
    cursor: given.id ?? 'e1',
    type: 'TRIGGERED',
    at,
    recordedAt: at,
    value: 10.05,
    threshold: 10,
    severity: 'WARNING',
    message: `High traffic generated an alert - hits = 10.05, triggered at ${at}`,
    ruleName: 'High traffic',
    agentName: 'web-1',
    agent: { id: 'a1' },
    acknowledgedAt: null,
    flappingUntil: null,
    startedBy: null,
    ...given,
  };
};

/** Figures of so many hits, one in fifty of them a server's error. */
export const figures = (hits: number, seconds: number): Figures => ({
  hits,
  hitsPerSecond: hits / seconds,
  bytes: hits * 1_000,
  errorRate: 0.02,
  status: {
    informational: 0,
    success: hits - Math.round(hits / 50),
    redirection: 0,
    clientError: 0,
    serverError: Math.round(hits / 50),
    other: 0,
  },
});

const top = (key: string, hits: number) => ({ key, hits, bytes: hits, clientErrors: 1, serverErrors: 0 });

export const tops = (hits: number): Tops => ({
  hits,
  distinctHosts: 3,
  sections: [top('/api', hits / 2), top('/re\u001b]52;c;aGFja2Vk\u0007port', hits / 4), top('\u202e/evil', hits / 8)],
  hosts: [top('10.0.0.1', hits / 2), top('10.0.0.2', hits / 4)],
});

/** A live message up to an instant: a window of so many hits each 10 s, and the two minutes. */
export function liveMessage(agent: AgentCard, at: string, hitsPerWindow: number) {
  const atMs = Date.parse(at);
  const newestMs = Math.floor(atMs / 10_000) * 10_000;
  const windows: SeriesWindow[] = Array.from({ length: 13 }, (_, index) => {
    const startMs = newestMs - (12 - index) * 10_000;
    return {
      start: new Date(startMs).toISOString(),
      end: new Date(startMs + 10_000).toISOString(),
      revision: 1,
      complete: false,
      stats: figures(startMs === newestMs ? Math.round(hitsPerWindow / 2) : hitsPerWindow, 10),
    };
  });
  const hits = hitsPerWindow * 12;
  return {
    agent: { ...agent, lastEventAt: at },
    windows,
    stale: null,
    sliding: { at, window: 'PT2M', stats: { ...figures(hits, 120), ...tops(hits) } },
  };
}

export const tailEntry = (given: Partial<TailEntry> = {}): TailEntry => ({
  agent: { name: 'web-1' },
  time: '2019-02-07T21:19:03Z',
  host: '10.0.0.1',
  user: null,
  method: 'GET',
  path: '/api/user',
  query: null,
  protocol: 'HTTP/1.1',
  status: 200,
  bytes: 1_234,
  durationMs: null,
  referrer: null,
  userAgent: null,
  ...given,
});
