// Goal: GraphiQL's examples are right whenever the schema changes.
// Method: each is validated against the emitted schema, its variables coerced.
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { buildSchema, Kind, parse, validate } from 'graphql';
import { getVariableValues } from 'graphql/execution/values.js';
import { EXAMPLES } from '../../graphiql/examples.js';

const schema = buildSchema(readFileSync('schema/schema.graphql', 'utf8'));

test.each(EXAMPLES.map((example) => [example.title, example] as const))('%s', (_title, { query, variables }) => {
  const document = parse(query);
  expect(validate(schema, document)).toEqual([]);
  const [operation] = document.definitions;
  if (operation.kind !== Kind.OPERATION_DEFINITION) throw new Error('an example is an operation');
  const given = variables(Date.UTC(2026, 0, 1));
  expect(getVariableValues(schema, operation.variableDefinitions ?? [], given).errors).toBeUndefined();
  expect(Object.keys(given).sort()).toEqual(operation.variableDefinitions?.map(({ variable }) => variable.name.value));
});
