// Starts a Redis server for a test on a free loopback port.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { killWithParent } from '../processes/kill-with-parent.js';
import { until } from '../time/until.js';

/** Options of a test server. Without options it has no persistence. */
export interface RedisServerOptions {
  /** Additional arguments for redis-server, for example `['--maxmemory', '8mb', '--maxmemory-policy', 'noeviction']`. */
  readonly args?: readonly string[];
  /** Keeps the data across a restart (append-only file, synced on every write). @defaultValue false */
  readonly isDurable?: boolean;
}

/** A running server. Dispose of it with `await using`. */
export interface RedisServer extends AsyncDisposable {
  /** The port, which stays the same across restarts. */
  readonly port: number;
  readonly url: string;
  /** The process ID, for measurements. Changes with a restart. */
  readonly pid: number;
  /** True while the server runs. */
  readonly isRunning: boolean;
  /**
   * Resolves when all data is written to the append-only file. While a sync of the disk takes long, a server that syncs every second
   * holds the newest data back for up to two seconds, and a crash then loses it.
   */
  written(): Promise<void>;
  /** Kills the server as a crash would (SIGKILL) and waits for its end. */
  stop(): Promise<void>;
  /** Starts the server again on the same port. It is empty afterwards, unless it has `isDurable`. */
  restart(): Promise<void>;
  /** Freezes the server (SIGSTOP). Its sockets stay open, but it does not answer. */
  pause(): void;
  /** Lets the server continue after `pause`. */
  resume(): void;
  /** Runs one command and returns the raw reply as `redis-cli` prints it, without the last line break. */
  cli(...args: readonly string[]): Promise<string>;
}

const START_ATTEMPTS = 5;
/**
 * The server program for all tests. To use another program: `REDIS_SERVER_PROGRAM=/path/to/valkey-server npx
 * vitest run …`.
 */
const SERVER_PROGRAM = process.env.REDIS_SERVER_PROGRAM ?? 'redis-server';

/** Starts a server and waits until it answers. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-redis-'));
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      const server = new TestRedisServer(port, directory, options);
      await server.restart();
      return server;
    } catch (error) {
      // Another process may have taken the port before the server could listen on it.
      if (attempt < START_ATTEMPTS) continue;
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }
}

class TestRedisServer implements RedisServer {
  readonly port: number;
  readonly #directory: string;
  readonly #options: RedisServerOptions;
  #process: ChildProcess | undefined;

  constructor(port: number, directory: string, options: RedisServerOptions) {
    this.port = port;
    this.#directory = directory;
    this.#options = options;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('The Redis server is not running');
    return pid;
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  async restart(): Promise<void> {
    await this.stop();
    const { args = [], isDurable = false } = this.#options;
    const persistence = isDurable
      ? ['--appendonly', 'yes', '--appendfsync', 'always']
      : ['--appendonly', 'no'];
    const place = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#directory];
    const child = spawn(SERVER_PROGRAM, [...place, '--save', '', ...persistence, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    killWithParent(child);
    await untilReady(child);
  }

  async written(): Promise<void> {
    await until(async () => {
      const facts = await this.cli('info', 'persistence');
      return /^aof_buffer_length:0\s/m.test(facts) && /^aof_pending_bio_fsync:0\s/m.test(facts);
    });
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  async cli(...args: readonly string[]): Promise<string> {
    const child = spawn('redis-cli', ['-h', '127.0.0.1', '-p', String(this.port), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await once(child, 'close');
    return output.replace(/\n$/, '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Resolves when the server prints that it is ready. Rejects with its output if it ends first. */
async function untilReady(child: ChildProcess): Promise<void> {
  if (child.stdout === null) throw new Error('The server has no output');
  const output: string[] = [];
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${SERVER_PROGRAM} ended:\n${output.join('\n')}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (output.length < 100) output.push(line);
      if (line.includes('Ready to accept connections')) resolve();
    });
  });
}

/** Returns a port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port');
  return address.port;
}
