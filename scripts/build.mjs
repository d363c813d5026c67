// Builds what the commands run: dist/ from TypeScript, and the bundled pages where their sources are there.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';

const require = createRequire(import.meta.url);
const run = (script, args) => {
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
};

/** Browsers get scripts and styles compressed; the server does not do it each time. */
function compress(folder) {
  for (const name of readdirSync(folder).filter((each) => /\.(js|css)$/.test(each))) {
    const path = join(folder, name);
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: constants.Z_BEST_COMPRESSION }));
  }
}

run(require.resolve('typescript/bin/tsc'), ['-p', 'tsconfig.build.json']);
for (const page of ['client-web', 'graphiql']) {
  if (!existsSync(`${page}/vite.config.js`)) continue;
  run(join(dirname(require.resolve('vite/package.json')), 'bin/vite.js'), ['build', '--logLevel', 'warn', page]);
  compress(`dist/${page}/assets`);
}
