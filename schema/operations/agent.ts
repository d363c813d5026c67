import { graphql, type ResultOf, type VariablesOf } from './graphql.js';

/** Says hello; answered with what the server knows of the agent's streams. */
export const ConnectAgentMutation = graphql(`
  mutation ConnectAgent($input: ConnectAgentInput!) {
    connectAgent(input: $input) {
      incarnation
      limits {
        batchEntries
        batchBytes
        batchesInFlight
      }
      streams {
        id
        name
        position
        head {
          length
          sha256
        }
        tail {
          length
          sha256
        }
      }
    }
  }
`);

/** Claims a stream for this process. */
export const OpenStreamMutation = graphql(`
  mutation OpenStream($input: OpenStreamInput!) {
    openStream(input: $input) {
      streamId
      epoch
      position
    }
  }
`);

export const HeartbeatMutation = graphql(`
  mutation Heartbeat($input: HeartbeatInput!) {
    heartbeat(input: $input) {
      incarnation
      fencedStreamIds
    }
  }
`);

/** Appends a batch; may be sent any number of times. */
export const IngestLogsMutation = graphql(`
  mutation IngestLogs($input: IngestLogsInput!) {
    ingestLogs(input: $input) {
      outcome
      accepted
      quarantined
      position
    }
  }
`);

export type ConnectAgentPayload = ResultOf<typeof ConnectAgentMutation>['connectAgent'];
export type OpenStreamPayload = ResultOf<typeof OpenStreamMutation>['openStream'];
export type IngestLogsPayload = ResultOf<typeof IngestLogsMutation>['ingestLogs'];
export type IngestLogsInput = VariablesOf<typeof IngestLogsMutation>['input'];
export type StreamHeartbeatInput = NonNullable<VariablesOf<typeof HeartbeatMutation>['input']['streams']>[number];
