import { defineConfig } from 'vite';

/** The page that the server shows browsers at /graphql. All that it needs is in it: it works without the internet. */
export default defineConfig({
  base: '/graphiql/',
  build: {
    outDir: '../dist/graphiql',
    emptyOutDir: true,
    target: 'es2022',
    // No inline script, as the page's policy demands; the polyfill would be one.
    modulePreload: { polyfill: false },
    license: true,
    // An editor, loaded once and then kept: splitting it would help nobody.
    chunkSizeWarningLimit: 2_000,
    rolldownOptions: {
      onLog(level, log, handle) {
        // "use client" speaks to servers that render React; there is none here.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
    },
  },
});
