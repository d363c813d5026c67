// Builds what the commands run: dist/ from TypeScript, and the bundled pages where their sources are there.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const run = (script, args) => {
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
};

run(require.resolve('typescript/bin/tsc'), ['-p', 'tsconfig.build.json']);
if (existsSync('graphiql/vite.config.js')) {
  run(join(dirname(require.resolve('vite/package.json')), 'bin/vite.js'), ['build', '--logLevel', 'warn', 'graphiql']);
}
