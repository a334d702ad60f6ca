// Builds the pages into dist/web from the sources of this repository's packages, so that no earlier build is needed.
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
    // The first view needs all of the page's code, so there is one chunk. scripts/build-web.mjs prints its size.
    chunkSizeWarningLimit: 800,
    modulePreload: { polyfill: false },
  },
});
