// Runs the programs of a rehearsal, isolated from this repository and from the variables that its npm sets.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { delimiter } from 'node:path';

/** A program that hangs fails after this time. */
const LIMIT_MS = 300_000;

/** A program that ignores SIGTERM for this time is killed. */
const CLOSE_MS = 15_000;

/** An output that grows beyond this number of characters loses its first half. Patterns are looked for as soon as they are printed. */
const MAX_OUTPUT_CHARS = 2_000_000;

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

/** Runs a program to its end and returns its standard output. @throws Error with the cause in its output if it fails or hangs */
export async function run(
  file,
  args,
  { cwd, env = cleanEnvironment(), limitMs = LIMIT_MS, closeMs = CLOSE_MS } = {},
) {
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output = endOf(output + text);
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors = endOf(errors + text);
  });
  let isLate = false;
  let cancelKill = () => {};
  const timer = setTimeout(() => {
    isLate = true;
    cancelKill = stop(child, closeMs);
  }, limitMs);
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal));
  }).finally(() => {
    clearTimeout(timer);
    cancelKill();
  });
  if (isLate)
    throw new Error(`${file} ${args[0] ?? ''} did not end within ${limitMs} ms: ${causeIn(output + errors)}`);
  if (status !== 0)
    throw new Error(`${file} ${args[0] ?? ''} ended with ${status}: ${causeIn(output + errors)}`);
  return output;
}

/** Sends SIGTERM to a program, and kills it after `limitMs`. Returns a function that cancels the kill. */
function stop(child, limitMs, onKill = () => {}) {
  child.kill('SIGTERM');
  const timer = setTimeout(() => {
    onKill();
    child.kill('SIGKILL');
    // Another process that inherited the output may keep it open, and the program has not closed until it is.
    child.stdout.destroy();
    child.stderr.destroy();
  }, limitMs);
  return () => clearTimeout(timer);
}

function endOf(output) {
  return output.length > MAX_OUTPUT_CHARS ? output.slice(-MAX_OUTPUT_CHARS / 2) : output;
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
        this.#output = endOf(this.#output + text);
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

  /** Ends the program with SIGTERM. @throws Error if it has to be killed, or leaves a process behind that uses its output */
  async close({ limitMs = CLOSE_MS } = {}) {
    const { spawnfile } = this.#child;
    let fault;
    const cancelKill = stop(this.#child, limitMs, () => {
      const { exitCode, signalCode } = this.#child;
      fault =
        exitCode === null && signalCode === null
          ? `${spawnfile} did not end within ${limitMs} ms of SIGTERM, and was killed`
          : `${spawnfile} ended, but a process that it started still runs`;
    });
    await this.#ended;
    cancelKill();
    if (fault !== undefined) throw new Error(fault);
  }
}

/** Closes all of these, one after the other. One that fails keeps none of the others open. @throws the first error */
export async function closeAll(closables) {
  const errors = [];
  for (const each of closables)
    await Promise.resolve(each.close()).catch((error) => {
      errors.push(error);
    });
  if (errors.length > 0) throw errors[0];
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
