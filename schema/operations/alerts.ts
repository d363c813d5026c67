import { graphql, type ResultOf } from './graphql.js';

/** One alert that fired, recovered or was closed. */
export const AlertEventCard = graphql(`
  fragment AlertEventCard on AlertEvent {
    id
    cursor
    type
    at
    recordedAt
    value
    threshold
    severity
    message
    flappingUntil
    ruleName
    agentName
    agent {
      id
    }
    acknowledgedAt
    startedBy {
      id
    }
  }
`);

export type AlertEventCard = ResultOf<typeof AlertEventCard>;

/** A rule as the threshold's line and its input need it. */
export const AlertRuleCard = graphql(`
  fragment AlertRuleCard on AlertRule {
    id
    name
    enabled
    agentIds
    metric
    filter {
      statusMin
      statusMax
      method
      path
      section
      host
      search
    }
    window
    comparison
    threshold
    recoveryThreshold
    minHits
    noDataAfter
  }
`);

export type AlertRuleCard = ResultOf<typeof AlertRuleCard>;

export const AlertRulesQuery = graphql(
  `
  query AlertRules {
    alertRules {
      ...AlertRuleCard
    }
  }
`,
  [AlertRuleCard],
);

/** What fires now, and what happened last; its first cursor is where the subscription goes on. */
export const AlertsQuery = graphql(
  `
  query Alerts($agentIds: [ID!], $first: Int!) {
    activeAlerts(agentIds: $agentIds) {
      ...AlertEventCard
    }
    alertEvents(agentIds: $agentIds, first: $first, newestFirst: true) {
      nodes {
        ...AlertEventCard
      }
    }
  }
`,
  [AlertEventCard],
);

/** The page of events after a cursor, the newest first. */
export const OlderAlertsQuery = graphql(
  `
  query OlderAlerts($after: String!, $first: Int!) {
    alertEvents(after: $after, first: $first, newestFirst: true) {
      nodes {
        ...AlertEventCard
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`,
  [AlertEventCard],
);

/** One event with what it was about: the rule, entries that counted, who was told. */
export const AlertEventQuery = graphql(
  `
  query AlertEventDetails($id: ID!, $entries: Int!) {
    alertEvent(id: $id) {
      ...AlertEventCard
      startedBy {
        id
        at
      }
      rule {
        ...AlertRuleCard
      }
      evidence(first: $entries) {
        id
        time
        host
        method
        path
        query
        status
        bytes
      }
      notifications {
        id
        status
        attempts
        lastError
        sentAt
        channel {
          name
          kind
        }
      }
    }
  }
`,
  [AlertEventCard, AlertRuleCard],
);

export type AlertEventDetails = NonNullable<ResultOf<typeof AlertEventQuery>['alertEvent']>;

export const AcknowledgeAlertMutation = graphql(
  `
  mutation AcknowledgeAlert($eventId: ID!) {
    acknowledgeAlert(eventId: $eventId) {
      ...AlertEventCard
    }
  }
`,
  [AlertEventCard],
);

export const AlertEventsSubscription = graphql(
  `
  subscription AlertEvents($after: String) {
    alertEvents(after: $after) {
      ...AlertEventCard
    }
  }
`,
  [AlertEventCard],
);

export const SetThresholdMutation = graphql(
  `
  mutation SetThreshold($id: ID!, $threshold: Float!) {
    updateAlertRule(id: $id, input: { threshold: $threshold }) {
      ...AlertRuleCard
    }
  }
`,
  [AlertRuleCard],
);
