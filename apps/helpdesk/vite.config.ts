// Builds the pages into dist/web. Libraries of this repository are taken from their sources, so no build comes before.
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
    // One page, one chunk: nothing of it can be left for later. scripts/build-web.mjs prints the size.
    chunkSizeWarningLimit: 800,
    modulePreload: { polyfill: false },
  },
});
