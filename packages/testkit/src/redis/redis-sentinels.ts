// Starts Sentinels for a test on free loopback ports.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { killWithParent } from '../processes/kill-with-parent.js';
import { until } from '../time/until.js';
import { freePort } from './redis-server.js';

/**
 * Duration of the TILT mode of a Sentinel, in which it takes no action. It enters this mode if its timer fires two seconds late, for
 * example on a machine without free CPU time.
 */
const TILT_MS = 30_000;

/** Options of test Sentinels. */
export interface SentinelsOptions {
  /** Port of the master that the Sentinels watch. If it is left out, they watch no master. */
  readonly masterPort?: number;
  /** Name of the master. @defaultValue 'mymaster' */
  readonly masterName?: string;
  /** @defaultValue 3 */
  readonly count?: number;
  /** Number of Sentinels that must agree that the master is down. @defaultValue 2 */
  readonly quorum?: number;
  /** Time after which a silent master counts as down, in milliseconds. @defaultValue 1000 */
  readonly downAfterMs?: number;
  /** False if the master has no replica that the Sentinels have to find. @defaultValue true */
  readonly hasReplicas?: boolean;
  /**
   * True if the Sentinels speak TLS instead of plain TCP. `lines` must then contain the certificates.
   * @defaultValue false
   */
  readonly isTls?: boolean;
  /** Additional lines of the Sentinels' configuration, for example `requirepass secret`. */
  readonly lines?: readonly string[];
}

/** One running Sentinel. */
export interface Sentinel {
  readonly port: number;
  /** Kills the Sentinel (SIGKILL) and waits for its end. */
  stop(): Promise<void>;
  /** Freezes the Sentinel (SIGSTOP). Its sockets stay open, but it does not answer. */
  pause(): void;
  resume(): void;
}

/** Running Sentinels. Dispose of them with `await using`. */
export interface Sentinels extends AsyncDisposable {
  readonly all: readonly Sentinel[];
  /** `host:port` of each Sentinel, separated by commas. */
  readonly hosts: string;
  readonly url: string;
  /** Runs a command on one Sentinel and returns the raw reply. */
  cli(index: number, ...args: readonly string[]): Promise<string>;
  /** Resolves when every running Sentinel names this port as the master. */
  agreeOn(masterPort: number): Promise<void>;
}

/** Starts the Sentinels, and waits until each of them knows all others and the replicas of the master. */
export async function startSentinels(options: SentinelsOptions = {}): Promise<Sentinels> {
  const {
    masterPort,
    masterName = 'mymaster',
    count = 3,
    hasReplicas = true,
    isTls = false,
    lines = [],
  } = options;
  const folder = await mkdtemp(join(tmpdir(), 'millrace-sentinels-'));
  const processes: SentinelProcess[] = [];
  const dispose = async (): Promise<void> => {
    for (const process of processes) await process.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (let left = count; left > 0; left--) processes.push(await SentinelProcess.start(folder, options));
  } catch (error) {
    await dispose();
    throw error;
  }
  const hosts = processes.map(({ port }) => `127.0.0.1:${port}`).join(',');
  const password = /^requirepass (\S+)$/m.exec(lines.join('\n'))?.[1];
  const cli = (index: number, ...args: readonly string[]): Promise<string> =>
    runCli(processes[index]?.port ?? 0, [
      ...(isTls ? ['--tls', '--insecure'] : []),
      ...(password === undefined ? [] : ['-a', password, '--no-auth-warning']),
      ...args,
    ]);
  const everyRunning = async (isTrue: (index: number) => Promise<boolean>): Promise<boolean> => {
    const running = processes.flatMap((process, index) => (process.isRunning ? [index] : []));
    return (await Promise.all(running.map(isTrue))).every(Boolean);
  };
  if (masterPort !== undefined) {
    const found = until(() =>
      everyRunning(async (index) => {
        const master = await cli(index, 'SENTINEL', 'MASTER', masterName);
        const isAlone = hasReplicas && master.includes('num-slaves\n0\n');
        return master.includes(`num-other-sentinels\n${count - 1}\n`) && !isAlone;
      }),
    );
    await found.catch(async (error: unknown) => {
      await dispose();
      throw error;
    });
  }
  return {
    all: processes,
    hosts,
    url: `redis+sentinel://${hosts}/${masterName}`,
    cli,
    agreeOn: (port) =>
      until(
        () =>
          everyRunning(async (index) =>
            (await cli(index, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)).endsWith(`\n${port}`),
          ),
        TILT_MS + 30_000,
      ),
    [Symbol.asyncDispose]: dispose,
  };
}

function configurationOf(options: SentinelsOptions): readonly string[] {
  const { masterPort, masterName = 'mymaster', quorum = 2, downAfterMs = 1_000, lines = [] } = options;
  const watched = [
    `sentinel monitor ${masterName} 127.0.0.1 ${masterPort} ${quorum}`,
    `sentinel down-after-milliseconds ${masterName} ${downAfterMs}`,
    `sentinel failover-timeout ${masterName} 5000`,
  ];
  return [...(masterPort === undefined ? [] : watched), ...lines];
}

class SentinelProcess implements Sentinel {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
  }

  static async start(folder: string, options: SentinelsOptions): Promise<SentinelProcess> {
    const port = await freePort();
    const file = join(folder, `${port}.conf`);
    const place = options.isTls === true ? ['port 0', `tls-port ${port}`] : [`port ${port}`];
    await writeFile(
      file,
      [...place, 'bind 127.0.0.1', `dir ${folder}`, ...configurationOf(options), ''].join('\n'),
    );
    const child = spawn('redis-server', [file, '--sentinel'], { stdio: ['ignore', 'pipe', 'inherit'] });
    killWithParent(child);
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => reject(new Error('the Sentinel ended')));
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.includes('Sentinel ID is')) resolve();
      });
    });
    return new SentinelProcess(port, child);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }
}

async function runCli(port: number, args: readonly string[]): Promise<string> {
  const child = spawn('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await once(child, 'close');
  return output.replace(/\n$/, '');
}
