// Runs the programs of a rehearsal, isolated from this repository and from the variables that its npm sets.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { delimiter } from 'node:path';

/** A program that hangs fails after this time. */
const LIMIT_MS = 300_000;

/**
 * Returns the environment without the variables that `npm run` sets. They would make npm work in this repository.
 *
 * @param folders folders in which programs are looked up first
 */
export function cleanEnvironment(...folders) {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_|^INIT_CWD$|^NODE_OPTIONS$/i.test(name));
  const environment = Object.fromEntries(kept);
  return { ...environment, PATH: [...folders, environment.PATH].join(delimiter) };
}

/** Runs a program to its end and returns its standard output. @throws Error with the end of its output if it fails */
export async function run(file, args, { cwd, env = cleanEnvironment(), limitMs = LIMIT_MS } = {}) {
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  if (status !== 0)
    throw new Error(`${file} ${args[0] ?? ''} ended with ${status}: ${causeIn(output + errors)}`);
  return output;
}

/** Returns the lines of an output that say what is wrong: those from the first error on, or the last ones. */
function causeIn(output) {
  const lines = output.trim().split('\n');
  const first = lines.findIndex((line) => /error/i.test(line));
  return (first < 0 ? lines.slice(-6) : lines.slice(first, first + 6)).join('\n');
}

/** A program that runs until it is closed. */
export class Running {
  #child;
  #output = '';
  #ended;

  /** True once the program has ended. */
  hasEnded = false;

  constructor(file, args, { cwd, env = cleanEnvironment() } = {}) {
    this.#child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    // A rehearsal that is interrupted leaves no program behind.
    const stop = () => this.#child.kill('SIGTERM');
    process.once('exit', stop);
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', resolve);
      this.#child.once('close', resolve);
    }).then(() => {
      this.hasEnded = true;
      process.off('exit', stop);
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        this.#output += text;
        this.#child.emit('output');
      });
  }

  /** Resolves with the match as soon as the output matches. @throws Error if the program ends or the time limit passes first */
  async printed(pattern) {
    const { promise, resolve } = deferred();
    const look = () => pattern.test(this.#output) && resolve(true);
    this.#child.on('output', look);
    look();
    const timer = setTimeout(() => resolve(false), LIMIT_MS);
    const isPrinted = await Promise.race([promise, this.#ended.then(() => false)]);
    clearTimeout(timer);
    this.#child.off('output', look);
    if (isPrinted !== true)
      throw new Error(`${this.#child.spawnfile} did not print ${pattern}, but: ${causeIn(this.#output)}`);
    return pattern.exec(this.#output);
  }

  async close() {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }
}

function deferred() {
  let resolve;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Returns a port of the loopback interface that was free a moment ago. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
