// Writes schema/schema.graphql and the types of the clients' documents from what the server serves; `--check` only compares.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { buildApiSchema } from '../dist/server/api/schema.js';

const SDL = 'schema/schema.graphql';
const TYPES = 'schema/operations/graphql-env.d.ts';
const note = '# Emitted from the TypeGraphQL classes by `npm run schema:emit`: not to be edited.\n\n';
const sdl = `${note}${printSchema(lexicographicSortSchema(await buildApiSchema()))}\n`;
const emitTypes = (output) =>
  execFileSync('npx', ['--no-install', 'gql.tada', 'generate-output', '--output', output], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });

if (process.argv.includes('--check')) {
  const fresh = 'dist/graphql-env.check.d.ts';
  emitTypes(fresh);
  const drifted = [
    ...(readFileSync(SDL, 'utf8') === sdl ? [] : [SDL]),
    ...(readFileSync(TYPES, 'utf8') === readFileSync(fresh, 'utf8') ? [] : [TYPES]),
  ];
  rmSync(fresh);
  if (drifted.length > 0) {
    console.error(`${drifted.join(' and ')} differ from what the server serves: run npm run schema:emit`);
    process.exit(1);
  }
} else {
  writeFileSync(SDL, sdl);
  emitTypes(TYPES);
}
