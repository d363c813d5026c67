import { initGraphQLTada } from 'gql.tada';
import type { LogBatch } from '../log-batch.js';
import type { introspection } from './graphql-env.js';
import type { WrittenJson } from './written-json.js';

/** Writes a typed document: its result and variables follow from schema.graphql. */
export const graphql = initGraphQLTada<{
  introspection: introspection;
  scalars: { DateTime: string; Duration: string; SafeInt: number; LogBatch: LogBatch | WrittenJson };
  disableMasking: true;
}>();

export type { ResultOf, VariablesOf } from 'gql.tada';
