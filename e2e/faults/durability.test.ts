// Measures how many confirmed events Redis loses in a disaster, for several settings. The suite runs only the first case. `npm run
// durability -- --write` measures all cases and writes the table of docs/reliability.md.
import { setTimeout as pause } from 'node:timers/promises';
import { connectPublisher } from '@millrace/publisher';
import { type RedisServer, startRedis, startTcpProxy, until } from '@millrace/testkit';
import { afterAll, expect, test } from 'vitest';
import { withoutTypes } from '../fixtures/systems/delivery-system.js';
import { Resources } from '../fixtures/systems/resources.js';
import { offerTable } from './support/reliability-page.js';
import { publishSteadily } from './support/steady-publisher.js';

const eventsPerSecond = 1_000;
const disasterAfterMs = 1_500;
/** Time for which a master runs alone before its replica is promoted. */
const aloneMs = 3_000;

interface Case {
  readonly disaster: string;
  readonly setting: string;
  readonly args?: readonly string[];
  /** Causes the disaster. Returns the server that has the data afterwards. */
  happen(pair: Pair): Promise<RedisServer>;
}

interface Pair {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  /** Stops all data between master and replica. The sockets stay open. */
  hang(): void;
  /** Ends the connection between master and replica. A new connection carries no data. */
  disconnect(): void;
}

async function promote({ master, replica }: Pair): Promise<RedisServer> {
  await master.stop();
  await replica.cli('replicaof', 'no', 'one');
  return replica;
}

async function restart({ master }: Pair): Promise<RedisServer> {
  await master.stop();
  await master.restart();
  return master;
}

async function separateAndPromote(pair: Pair, separate: () => void): Promise<RedisServer> {
  separate();
  await pause(aloneMs);
  return promote(pair);
}

const onlyWithReplica = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '1'];
const cases: readonly Case[] = [
  {
    disaster: '`kill -9` of Redis, started again',
    setting: '`appendonly yes`, `appendfsync everysec`',
    args: ['--appendonly', 'yes', '--appendfsync', 'everysec'],
    happen: restart,
  },
  {
    disaster: '`kill -9` of Redis, started again',
    setting: 'no append-only file',
    happen: restart,
  },
  {
    disaster: '`kill -9` of the master, replica promoted',
    setting: 'defaults',
    happen: promote,
  },
  {
    disaster: 'replica disconnected, promoted 3 s later',
    setting: 'defaults',
    happen: (pair) => separateAndPromote(pair, pair.disconnect),
  },
  {
    disaster: 'replica disconnected, promoted 3 s later',
    setting: '`min-replicas-to-write 1`',
    args: onlyWithReplica,
    happen: (pair) => separateAndPromote(pair, pair.disconnect),
  },
  {
    disaster: 'network to the replica hangs, promoted 3 s later',
    setting: 'defaults',
    happen: (pair) => separateAndPromote(pair, pair.hang),
  },
  {
    disaster: 'network to the replica hangs, promoted 3 s later',
    setting: '`min-replicas-to-write 1`, `min-replicas-max-lag 1`',
    args: onlyWithReplica,
    happen: (pair) => separateAndPromote(pair, pair.hang),
  },
];

interface Figures {
  readonly confirmed: number;
  readonly lost: number;
}

async function measure({ args = [], happen }: Case): Promise<Figures> {
  await using resources = new Resources();
  const master = resources.use(await startRedis({ args: ['--repl-diskless-sync-delay', '0', ...args] }));
  const link = resources.use(await startTcpProxy(master.port));
  const replica = resources.use(await startRedis());
  await replica.cli('replicaof', '127.0.0.1', String(link.port));
  await until(async () => (await replica.cli('info', 'replication')).includes('master_link_status:up'));
  // A master counts its replicas once per second.
  await until(async () => {
    const replication = await master.cli('info', 'replication');
    return replication.includes('state=online') && !replication.includes('min_slaves_good_slaves:0');
  });
  const publisher = await connectPublisher({ redisUrl: master.url });
  resources.defer(() => publisher.close());
  const stopped = new AbortController();
  const load = { events: 60_000, eventsPerSecond, rooms: ['room-1'], signal: stopped.signal };
  const publishing = publishSteadily(withoutTypes(publisher), load);
  await pause(disasterAfterMs);
  const hang = (): void => {
    for (const direction of ['requests', 'replies'] as const) link.swallow(direction);
  };
  const disconnect = (): void => {
    hang();
    link.cut();
  };
  const survivor = await happen({ master, replica, hang, disconnect });
  stopped.abort();
  const { confirmed } = await publishing;
  const entries = await Promise.all(
    ['events:chat', 'events:ticket', 'events:notification'].map((name) =>
      survivor.cli('xrange', name, '-', '+'),
    ),
  );
  const kept = entries.join('\n');
  return {
    confirmed: confirmed.length,
    lost: confirmed.filter(({ eventId }) => !kept.includes(eventId)).length,
  };
}

const isMeasuring = process.env['DURABILITY_ALL'] === '1';
const rows: string[] = [];

afterAll(() => {
  if (!isMeasuring) return;
  const table = [
    '| what happens at 1,000 events/s | setting | confirmed | of these lost |',
    '|---|---|---|---|',
    ...rows,
    '',
    'Command: `npm run durability -- --write`.',
  ].join('\n');
  offerTable('durability', table);
});

test.for(isMeasuring ? cases : cases.slice(0, 1))(
  'Redis keeps the confirmed events that its settings promise: $disaster, $setting',
  async (one) => {
    const { confirmed, lost } = await measure(one);
    rows.push(
      `| ${one.disaster} | ${one.setting} | ${confirmed.toLocaleString('en')} | ${lost.toLocaleString('en')} |`,
    );
    expect(confirmed).toBeGreaterThan(0);
    if (one.setting.includes('everysec')) expect(lost).toBe(0);
  },
);
