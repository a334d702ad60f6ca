// Builds the pages into dist/web. It uses the sources of this repository's packages, so it needs no earlier build.
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('web', import.meta.url)),
  plugins: [react()],
  resolve: { conditions: ['@millrace/source', 'module', 'browser', 'development|production'] },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // The page needs all of its code for the first view, so there is one chunk. scripts/build-web.mjs prints
    // the size.
    chunkSizeWarningLimit: 800,
    modulePreload: { polyfill: false },
  },
});
