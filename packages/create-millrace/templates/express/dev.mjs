// Starts the gateway, the backend and the page with the settings of .env. Ctrl+C, or the end of one of them, stops all.
import { spawn } from 'node:child_process';

process.loadEnvFile('.env');

/** @param {string[]} args */
const node = (...args) => spawn(process.execPath, args, { stdio: 'inherit' });
const children = [
  node('node_modules/@millrace/gateway/bin/millrace.js', 'serve', '--dev', '--app', './gateway.mjs'),
  node('--watch', 'backend/server.mjs'),
  node('node_modules/vite/bin/vite.js', 'page'),
];

let isStopping = false;
function stop() {
  if (isStopping) return;
  isStopping = true;
  for (const child of children) child.kill();
}
for (const child of children) {
  child.once('exit', (code) => {
    process.exitCode ||= code ?? 0;
    stop();
  });
}
process.on('SIGTERM', stop);
process.on('SIGINT', () => {
  isStopping = true; // a terminal sends Ctrl+C to all of them
});
