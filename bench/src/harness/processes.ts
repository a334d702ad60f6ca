// The processes of a run. Publisher, Redis, gateways and clients are separate processes, as in production. They communicate
// over loopback. A process is ended only through its own handle.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A started process. */
export class Part implements AsyncDisposable {
  readonly child: ChildProcess;

  constructor(child: ChildProcess) {
    this.child = child;
    killWithParent(child);
    child.once('exit', (code) => {
      if (code !== 0 && code !== null) process.exitCode = 1;
    });
  }

  /** Returns the next message of the process. Rejects if the process ends first. */
  async message<T>(): Promise<T> {
    const ended = new AbortController();
    const exit = once(this.child, 'exit', { signal: ended.signal }).then(() => {
      throw new Error(`${this.child.spawnargs.join(' ')} ended too early`);
    });
    exit.catch(() => undefined); // `ended` aborts this wait if the message comes first.
    try {
      const [message] = (await Promise.race([once(this.child, 'message'), exit])) as [T];
      return message;
    } finally {
      ended.abort();
    }
  }

  /** Sends a message to the process. */
  send(message: object | string): void {
    if (this.child.send === undefined) this.child.stdin?.write(`${JSON.stringify(message)}\n`);
    else this.child.send(message);
  }

  get pid(): number {
    const { pid } = this.child;
    if (pid === undefined) throw new Error(`${this.child.spawnargs.join(' ')} did not start`);
    return pid;
  }

  /** Kills the process with SIGKILL, as a crash would. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }

  async end(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGTERM');
    await once(this.child, 'exit');
  }
}

/**
 * Kills `child` as soon as this process has ended, for whatever reason. A shell waits on a pipe that closes when this process
 * ends, and then kills the child.
 */
function killWithParent(child: ChildProcess): void {
  const guard = spawn('sh', ['-c', `read -r _; kill -9 ${child.pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.once('exit', () => guard.kill('SIGKILL'));
}

/** Starts a script of `bench/src` with a message channel. `path` is relative to `bench/src`. */
export function startScript(path: string, args: readonly string[]): Part {
  return new Part(
    fork(fileURLToPath(new URL(path, new URL('../', import.meta.url))), args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    }),
  );
}

/** Starts a program that exchanges lines of JSON over its standard input and output. */
export function startProgram(file: string, args: readonly string[]): Part {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  createInterface({ input: child.stdout }).on('line', (line) => child.emit('message', JSON.parse(line)));
  return new Part(child);
}

/** Starts a `redis-server` without persistence on a free port. */
export async function startRedis(): Promise<{ readonly part: Part; readonly url: string }> {
  const port = await freePort();
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const part = new Part(child);
  await outputOf(part, /Ready to accept connections/);
  return { part, url: `redis://127.0.0.1:${port}` };
}

/** Path of the gateway program that was built in this working tree. */
const builtCli = fileURLToPath(new URL('../../../apps/gateway/dist/cli.js', import.meta.url));

/** Options of {@link startGateway}. */
export interface GatewayStart {
  /** The gateway program of another build. */
  readonly cli?: string | undefined;
  /** @defaultValue a free port */
  readonly port?: string;
  /** More settings. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts a gateway in development mode. */
export async function startGateway(
  redisUrl: string,
  { cli = builtCli, port = '0', environment }: GatewayStart = {},
): Promise<{ readonly part: Part; readonly url: string }> {
  const child = spawn(process.execPath, [cli, 'serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      MILLRACE_PORT: port,
      MILLRACE_DEV: '1',
      MILLRACE_REDIS_URL: redisUrl,
      ...environment,
    },
  });
  const part = new Part(child);
  const [, url = ''] = await outputOf(part, /"url":"(http:[^"]+)"/);
  return { part, url };
}

/** Waits for a match in the output. Reads on afterwards, because a full pipe would block the program. */
async function outputOf({ child }: Part, pattern: RegExp): Promise<RegExpExecArray> {
  let output = '';
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`ended too early:\n${output}`)));
    child.stdout?.on('data', (chunk: Buffer) => {
      if (output.length < 100_000) output += String(chunk);
      const match = pattern.exec(output);
      if (match !== null) resolve(match);
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return address.port;
}
