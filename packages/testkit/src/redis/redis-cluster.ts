// Starts a Redis Cluster for a test on free loopback ports: masters, and on request a replica of each.
import { until } from '../time/until.js';
import { type RedisServer, startRedis } from './redis-server.js';

const SLOT_COUNT = 16_384;

/** Options of a test cluster. */
export interface RedisClusterOptions {
  /** Number of masters. @defaultValue 3 */
  readonly masters?: number;
  /** Gives each master a replica. @defaultValue false */
  readonly hasReplicas?: boolean;
  /**
   * True if the cluster refuses all commands while any slot has no server. Sets `cluster-require-full-coverage`, which is
   * also on by default in Redis.
   * @defaultValue true
   */
  readonly needsEverySlot?: boolean;
  /** Time after which a silent node counts as failed. @defaultValue 1000 */
  readonly nodeTimeoutMs?: number;
}

/** A running cluster. Dispose of it with `await using`. */
export interface RedisCluster extends AsyncDisposable {
  /** All nodes, including replicas. The nodes that start as masters come first. */
  readonly nodes: readonly RedisServer[];
  /** A URL that names only one node. */
  readonly url: string;
  /** A URL that names all nodes. */
  readonly urls: string;
  /** Returns the node that serves `key` now. */
  masterOf(key: string): Promise<RedisServer>;
  /** Returns a running replica of a master. */
  replicaOf(master: RedisServer): Promise<RedisServer>;
  /** Empties every master. */
  flush(): Promise<void>;
  /** Runs a command on the master of `key`. */
  cli(key: string, ...args: readonly string[]): Promise<string>;
  /** Resolves when every running node reports the cluster as healthy and sees all other running nodes. */
  healthy(): Promise<void>;
  /**
   * Pauses the writes to a master. Resolves when its replica has received all earlier writes. A test that then stops the
   * master loses no write to asynchronous replication.
   */
  holdWrites(master: RedisServer): Promise<void>;
  /** Moves the slot of `key`, with all its keys, to another master. */
  moveSlot(key: string, hooks?: MoveHooks): Promise<void>;
}

/** Functions that are called while a slot moves from one master to another. */
export interface MoveHooks {
  /** Called while all keys are still on the old master. */
  readonly beforeKeys?: () => Promise<void>;
  /** Called when all keys are on the new master. */
  readonly afterKeys?: () => Promise<void>;
}

/** Starts the nodes, joins them and waits until the cluster is healthy. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, hasReplicas = false, needsEverySlot = true, nodeTimeoutMs = 1_000 } = options;
  const args = [
    '--cluster-enabled',
    'yes',
    '--cluster-node-timeout',
    String(nodeTimeoutMs),
    '--cluster-require-full-coverage',
    needsEverySlot ? 'yes' : 'no',
    // A replica may take over after any silence of its master, because the test machine may pause.
    '--cluster-replica-validity-factor',
    '0',
    '--repl-diskless-sync-delay',
    '0',
  ];
  const nodes: RedisServer[] = [];
  const cluster = new TestRedisCluster(nodes);
  try {
    for (let count = masters * (hasReplicas ? 2 : 1); count > 0; count--)
      nodes.push(await startRedis({ args }));
    await cluster.join(masters);
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

class TestRedisCluster implements RedisCluster {
  readonly nodes: readonly RedisServer[];

  constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes;
  }

  get url(): string {
    return this.#first().url;
  }

  get urls(): string {
    return `redis://${this.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
  }

  async join(masters: number): Promise<void> {
    const { port } = this.#first();
    for (const node of this.nodes) await succeed(node.cli('cluster', 'meet', '127.0.0.1', String(port)));
    await Promise.all(
      this.nodes.slice(0, masters).map((node, index) => {
        const from = Math.ceil((SLOT_COUNT * index) / masters);
        const to = Math.ceil((SLOT_COUNT * (index + 1)) / masters) - 1;
        return succeed(node.cli('cluster', 'addslotsrange', String(from), String(to)));
      }),
    );
    await until(async () => (await this.#living()).every(({ peers }) => peers === this.nodes.length));
    const ids = await Promise.all(this.nodes.map((node) => node.cli('cluster', 'myid')));
    await Promise.all(
      this.nodes.slice(masters).map(async (node, index) => {
        await until(async () => (await node.cli('cluster', 'replicate', ids[index] ?? '')) === 'OK');
        await until(async () => (await node.cli('role')).includes('connected'));
      }),
    );
    await this.healthy();
  }

  async masterOf(key: string): Promise<RedisServer> {
    for (const node of await this.#alive()) {
      // Only the master of the slot answers. All other nodes redirect, even replicas. A former master redirects after a short
      // time.
      const reply = await node.cli('exists', key);
      const isMaster = (await node.cli('role')).startsWith('master');
      if (isMaster && /^\d+$/.test(reply)) return node;
    }
    throw new Error(`No node serves ${key}`);
  }

  async replicaOf(master: RedisServer): Promise<RedisServer> {
    const id = await master.cli('cluster', 'myid');
    for (const node of await this.#alive()) {
      const self = (await node.cli('cluster', 'nodes')).split('\n').find((line) => line.includes('myself'));
      if (self?.includes(`slave ${id}`) === true) return node;
    }
    throw new Error('The master has no replica');
  }

  async flush(): Promise<void> {
    for (const node of await this.#alive()) {
      if ((await node.cli('role')).startsWith('master')) await succeed(node.cli('flushall'));
    }
  }

  async cli(key: string, ...args: readonly string[]): Promise<string> {
    return (await this.masterOf(key)).cli(...args);
  }

  async healthy(): Promise<void> {
    await until(async () => {
      const living = await this.#living();
      return living.length > 0 && living.every(({ isOk, peers }) => isOk && peers >= living.length);
    }, 60_000);
  }

  async holdWrites(master: RedisServer): Promise<void> {
    const replica = await this.replicaOf(master);
    await succeed(master.cli('client', 'pause', '60000', 'write'));
    await until(async () => (await offsetOf(master, 'master')) === (await offsetOf(replica, 'slave')));
  }

  async moveSlot(key: string, hooks: MoveHooks = {}): Promise<void> {
    const source = await this.masterOf(key);
    const masters = [];
    for (const node of await this.#alive())
      if ((await node.cli('role')).startsWith('master')) masters.push(node);
    const target = masters.find((node) => node !== source);
    if (target === undefined) throw new Error('There is no other master');
    const slot = await source.cli('cluster', 'keyslot', key);
    const [sourceId, targetId] = [await source.cli('cluster', 'myid'), await target.cli('cluster', 'myid')];
    await succeed(target.cli('cluster', 'setslot', slot, 'importing', sourceId));
    await succeed(source.cli('cluster', 'setslot', slot, 'migrating', targetId));
    await hooks.beforeKeys?.();
    for (;;) {
      const keys = (await source.cli('cluster', 'getkeysinslot', slot, '100'))
        .split('\n')
        .filter((line) => line !== '');
      if (keys.length === 0) break;
      await succeed(
        source.cli('migrate', '127.0.0.1', String(target.port), '', '0', '5000', 'keys', ...keys),
      );
    }
    await hooks.afterKeys?.();
    for (const node of [target, source])
      await succeed(node.cli('cluster', 'setslot', slot, 'node', targetId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node[Symbol.asyncDispose]()));
  }

  #first(): RedisServer {
    const [first] = this.nodes;
    if (first === undefined) throw new Error('The cluster has no nodes');
    return first;
  }

  async #alive(): Promise<readonly RedisServer[]> {
    return this.nodes.filter(({ isRunning }) => isRunning);
  }

  /** Returns the state of the cluster from the point of view of each running node. */
  #living(): Promise<readonly { readonly isOk: boolean; readonly peers: number }[]> {
    return this.#alive().then((alive) =>
      Promise.all(
        alive.map(async (node) => {
          const info = await node.cli('cluster', 'info');
          const lines = (await node.cli('cluster', 'nodes')).split('\n');
          const peers = lines.filter(
            (line) => /connected/.test(line) && !/fail|handshake|disconnected/.test(line),
          );
          return { isOk: info.includes('cluster_state:ok'), peers: peers.length };
        }),
      ),
    );
  }
}

async function offsetOf(node: RedisServer, role: 'master' | 'slave'): Promise<string | undefined> {
  return new RegExp(`${role}_repl_offset:(\\d+)`).exec(await node.cli('info', 'replication'))?.[1];
}

/** Throws if a reply is an error. `redis-cli` exits with status 0 even then. */
async function succeed(reply: Promise<string>): Promise<void> {
  const text = await reply;
  if (!/^(OK|NOKEY)/.test(text)) throw new Error(`redis-cli answered ${text}`);
}
