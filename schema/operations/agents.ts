import { graphql, type ResultOf } from './graphql.js';

/** Who the token speaks for; also the question that tells whether an address is a server of ours at all. */
export const ViewerQuery = graphql(`
  query Viewer {
    viewer {
      role
      tenant {
        id
        name
      }
    }
  }
`);

/** A monitored server as lists show it. */
export const AgentCard = graphql(`
  fragment AgentCard on Agent {
    id
    name
    status
    lastSeenAt
    firstEventAt
    lastEventAt
    backlogBytes
  }
`);

export type AgentCard = ResultOf<typeof AgentCard>;

/** One page of the tenant's servers. */
export const AgentsQuery = graphql(
  `
  query Agents($first: Int!, $after: String, $search: String) {
    agents(first: $first, after: $after, search: $search) {
      totalCount
      nodes {
        ...AgentCard
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`,
  [AgentCard],
);
