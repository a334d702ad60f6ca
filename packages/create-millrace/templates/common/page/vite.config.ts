// The page has one origin: calls to /api go to the backend, and the live connection to the gateway. A reverse proxy does the
// same in production.
import { defineConfig } from 'vite';

const { PAGE_PORT = '5173', BACKEND_PORT = '8000', MILLRACE_PORT = '4400' } = process.env;

export default defineConfig({
  build: { rolldownOptions: { checks: { moduleLevelDirective: false } } }, // 'use client' has no meaning in this build
  clearScreen: false, // the gateway and the backend write to the same terminal
  server: {
    port: Number(PAGE_PORT),
    strictPort: true,
    proxy: {
      '/api': `http://127.0.0.1:${BACKEND_PORT}`,
      '/hubs': { target: `http://127.0.0.1:${MILLRACE_PORT}`, ws: true },
    },
  },
});
