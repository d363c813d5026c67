import { AgentCard } from './agents.js';
import { graphql, type ResultOf } from './graphql.js';

/** Numbers of a window, without the dimensions' tops. */
export const Figures = graphql(`
  fragment Figures on TrafficStats {
    hits
    hitsPerSecond
    bytes
    errorRate
    status {
      informational
      success
      redirection
      clientError
      serverError
      other
    }
  }
`);

export type Figures = ResultOf<typeof Figures>;

/** The heaviest sections and hosts. */
export const Tops = graphql(`
  fragment Tops on TrafficStats {
    hits
    distinctHosts
    sections: top(dimension: SECTION, first: 10) {
      key
      hits
      bytes
      clientErrors
      serverErrors
    }
    hosts: top(dimension: HOST, first: 10) {
      key
      hits
      bytes
      clientErrors
      serverErrors
    }
  }
`);

export type Tops = ResultOf<typeof Tops>;

/** One window of a series: merged by its start, replaced only by the same or a later revision. */
export const SeriesWindow = graphql(
  `
  fragment SeriesWindow on TrafficWindow {
    start
    end
    revision
    complete
    stats {
      ...Figures
    }
  }
`,
  [Figures],
);

export type SeriesWindow = ResultOf<typeof SeriesWindow>;

/** Every server's windows as they change, small enough for a whole fleet. */
export const LiveFleetSubscription = graphql(
  `
  subscription LiveFleet {
    liveWindows {
      agent {
        ...AgentCard
      }
      windows {
        ...SeriesWindow
      }
      sliding {
        at
        window
        stats {
          ...Figures
        }
      }
    }
  }
`,
  [AgentCard, SeriesWindow, Figures],
);

/** One server's windows as they change, with its heaviest sections and hosts. */
export const LiveServerSubscription = graphql(
  `
  subscription LiveServer($agentId: ID!) {
    liveWindows(agentIds: [$agentId]) {
      agent {
        ...AgentCard
      }
      windows {
        ...SeriesWindow
      }
      stale {
        from
        to
      }
      sliding {
        at
        window
        stats {
          ...Figures
          ...Tops
        }
      }
    }
  }
`,
  [AgentCard, SeriesWindow, Figures, Tops],
);

/** An entry as those show it who follow them. */
export const TailEntry = graphql(`
  fragment TailEntry on LogEntry {
    agent {
      name
    }
    time
    host
    user
    method
    path
    query
    protocol
    status
    bytes
    durationMs
    referrer
    userAgent
  }
`);

export type TailEntry = ResultOf<typeof TailEntry>;

/** Entries as they are taken in. */
export const LogTailSubscription = graphql(
  `
  subscription LogTail($agentIds: [ID!], $filter: LogFilterInput) {
    logTail(agentIds: $agentIds, filter: $filter) {
      missed
      entries {
        ...TailEntry
      }
    }
  }
`,
  [TailEntry],
);

/** Stored windows of one server, oldest first. */
export const SeriesQuery = graphql(
  `
  query Series($agentId: ID!, $timeframe: TimeframeInput!, $maxPoints: Int!) {
    agent(id: $agentId) {
      ...AgentCard
      traffic(timeframe: $timeframe) {
        windows(maxPoints: $maxPoints) {
          ...SeriesWindow
        }
      }
    }
  }
`,
  [AgentCard, SeriesWindow],
);

/** The heaviest sections and hosts of one server over a timeframe. */
export const TopsQuery = graphql(
  `
  query TopsOf($agentId: ID!, $timeframe: TimeframeInput!) {
    agent(id: $agentId) {
      id
      traffic(timeframe: $timeframe) {
        timeframe {
          from
          to
        }
        total {
          ...Tops
        }
      }
    }
  }
`,
  [Tops],
);
