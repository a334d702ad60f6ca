// Starts the gateway, the backend and the page with the settings of .env. Ctrl+C, or the end of one of them, stops all.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

process.loadEnvFile('.env');
const { BACKEND_PORT = '8000' } = process.env;
const python = ['.venv/bin/python', '.venv/Scripts/python.exe'].find((path) => existsSync(path));
if (python === undefined) {
  console.error('There is no .venv with the packages of the backend. README.md says how to make it.');
  process.exit(1);
}
const uvicorn = ['-m', 'uvicorn', 'main:app', '--app-dir', 'backend', '--reload', '--reload-dir', 'backend'];

/** @param {string[]} args */
const node = (...args) => spawn(process.execPath, args, { stdio: 'inherit' });
const children = [
  node('node_modules/@millrace/gateway/bin/millrace.js', 'serve', '--dev', '--app', './gateway.mjs'),
  spawn(python, [...uvicorn, '--port', BACKEND_PORT], { stdio: 'inherit' }),
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
