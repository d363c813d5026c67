import { defineConfig } from 'vite';

/** The page that the server shows browsers at /. All that it needs is in it, and lies beside it, at whatever path that is. */
export default defineConfig({
  base: './',
  build: {
    outDir: '../dist/client-web',
    emptyOutDir: true,
    target: 'es2022',
    // No inline script, as the page's policy demands; the polyfill would be one.
    modulePreload: { polyfill: false },
    license: true,
  },
});
