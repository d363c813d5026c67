export { GraphQLDateTime, GraphQLSafeInt } from 'graphql-scalars';
export { formatDuration, GraphQLDuration } from './duration.scalar.js';
export { GraphQLLogBatch, type ReceivedBatch } from './log-batch.scalar.js';
