import { GraphQLError, GraphQLScalarType, valueFromASTUntyped } from 'graphql';
import { type DecodedBatch, decodeLogBatch, type LogBatch } from '../log-batch.js';
import { BatchText } from '../log-batch-text.js';

/** A batch that came. */
export interface ReceivedBatch {
  /** The value that the request holds; null: none. */
  wire: LogBatch | null;
  decoded: DecodedBatch;
}

function receive(value: unknown): ReceivedBatch {
  try {
    if (value instanceof BatchText) return { wire: null, decoded: value.decoded };
    return { wire: value as LogBatch, decoded: decodeLogBatch(value) };
  } catch (error) {
    throw new GraphQLError((error as Error).message, { extensions: { code: 'BAD_USER_INPUT' } });
  }
}

export const GraphQLLogBatch = new GraphQLScalarType<ReceivedBatch, never>({
  name: 'LogBatch',
  description:
    'The compact form of many entries: JSON columns, version 1, at most 8,192 entries; docs/INGEST.md specifies it.',
  specifiedByURL: 'urn:http-logs-monitor:log-batch:1',
  serialize: () => {
    throw new GraphQLError('LogBatch is for input only');
  },
  parseValue: receive,
  parseLiteral: (node, variables) => receive(valueFromASTUntyped(node, variables)),
});
