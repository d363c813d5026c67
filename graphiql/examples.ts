/** What one asks first of this API. A test holds them to the schema. */

export interface Example {
  title: string;
  about: string;
  query: string;
  variables: (nowMs: number) => Record<string, unknown>;
}

const TRAFFIC = `query LastHour {
  traffic(timeframe: { last: "PT1H" }) {
    timeframe { from to }
    total {
      hits
      hitsPerSecond
      errorRate
      distinctHosts
      sections: top(dimension: SECTION, first: 5) { key hits clientErrors serverErrors }
      status { success redirection clientError serverError }
    }
    windows(maxPoints: 60) {
      start
      complete
      stats { hits bytes peakHitsPerSecond }
    }
  }
}
`;

const LIVE = `subscription Live {
  liveWindows {
    agent { name status }
    windows {
      start
      complete
      revision
      stats {
        hits
        errorRate
        top(dimension: SECTION, first: 3) { key hits }
      }
    }
    sliding { at stats { hitsPerSecond } }
  }
}
`;

const ACTIVE = `query FiringNow {
  activeAlerts {
    message
    agentName
    at
    value
    threshold
  }
  alertRules { name metric window comparison threshold enabled }
}
`;

const ALERTS = `subscription Alerts {
  alertEvents {
    message
    type
    agentName
    at
    value
    cursor
  }
}
`;

const INGEST = `mutation SendOneLine($time: DateTime!) {
  ingestLogs(
    input: {
      agent: "by-hand"
      entries: [
        {
          time: $time
          host: "198.51.100.7"
          method: "GET"
          path: "/api/user?id=7"
          protocol: "HTTP/1.1"
          status: 200
          bytes: 1234
        }
      ]
    }
  ) {
    outcome
    accepted
    agent { name ledger { lines accepted } }
  }
}
`;

const LOGS = `query LatestErrors {
  logs(filter: { statusMin: 400 }, first: 20) {
    nodes { time agent { name } host method path status bytes }
    pageInfo { hasNextPage endCursor }
  }
}
`;

const TAIL = `subscription ErrorsAsTheyCome {
  logTail(filter: { statusMin: 400 }) {
    missed
    entries { time agent { name } host method path status bytes }
  }
}
`;

const none = () => ({});

export const EXAMPLES: readonly Example[] = [
  {
    title: 'Live windows',
    about: 'The state as it is, then what changes, as it changes.',
    query: LIVE,
    variables: none,
  },
  {
    title: 'The last hour',
    about: 'Statistics of a timeframe: in all, and as a series.',
    query: TRAFFIC,
    variables: none,
  },
  { title: 'Alerts firing now', about: 'And the rules that watch.', query: ACTIVE, variables: none },
  {
    title: 'Alerts as they come',
    about: 'Each firing and recovery, none missed, none twice.',
    query: ALERTS,
    variables: none,
  },
  { title: 'The latest errors', about: 'Raw entries, as long as they are kept.', query: LOGS, variables: none },
  { title: 'Errors as they come', about: 'Entries as they are taken in.', query: TAIL, variables: none },
  {
    title: 'Send a line',
    about: 'Anything that can send an HTTP request is an agent; docs/INGEST.md says more.',
    query: INGEST,
    variables: (nowMs) => ({ time: new Date(nowMs).toISOString() }),
  },
];

/** An example's variables as the editor shows them. */
export function variablesText({ variables }: Example, nowMs: number): string {
  const given = variables(nowMs);
  return Object.keys(given).length === 0 ? '' : JSON.stringify(given, null, 2);
}
