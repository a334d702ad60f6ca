// A replica takes over, with or without its master's last writes. A subscriber continues if the replica has every entry that
// it has read. Otherwise it reads the stream from the beginning again. A position stays valid unless it is after the
// replica's last entry.
import {
  type Broker,
  createSubscriber,
  type Entry,
  entryDigest,
  isPositionValid,
  type Position,
  parsePosition,
  type StreamStart,
  type Subscriber,
} from '@millrace/broker';
import {
  CHAT,
  present,
  type RedisServer,
  startRedis,
  startTcpProxy,
  type TcpProxy,
  until,
} from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { openBroker, publishEvents } from '../support/redis-fixture.js';

const OPTIONS = { streams: [{ name: CHAT, maxLength: 1_000 }], heartbeatMs: 20, commandTimeoutMs: 500 };

/** Two users: one may read the server's run ID with INFO, the other may not. Hosted Redis often refuses INFO. */
const USERS: readonly {
  readonly who: string;
  readonly name?: string;
  readonly rights?: readonly string[];
}[] = [
  { who: 'a user with every right' },
  { who: 'a user without @dangerous', name: 'hosted', rights: ['~*', '&*', '+@all', '-@dangerous'] },
];
type User = (typeof USERS)[number];

/** Returns the arguments of redis-server that create the user, so that it exists after a restart, too. */
const aclOf = ({ name, rights = [] }: User): string[] =>
  name === undefined ? [] : ['--user', name, 'on', '>secret', ...rights];

interface Pair extends AsyncDisposable {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  /** The proxy that leads to the present master. */
  readonly way: TcpProxy;
  /** The proxy between the replica and its master. */
  readonly link: TcpProxy;
  /** Stops the master and promotes the replica. */
  failOver(): Promise<void>;
}

async function startPair(user: User): Promise<Pair> {
  const master = await startRedis({ args: ['--repl-diskless-sync-delay', '0', ...aclOf(user)] });
  const replica = await startRedis({ args: aclOf(user) });
  const way = await startTcpProxy(master.port);
  const link = await startTcpProxy(master.port);
  await replica.cli('replicaof', '127.0.0.1', String(link.port));
  await until(async () => (await replica.cli('info', 'replication')).includes('master_link_status:up'));
  return {
    master,
    replica,
    way,
    link,
    async failOver() {
      await master.stop();
      await replica.cli('replicaof', 'no', 'one');
      way.switchTo(replica.port);
      way.cut();
    },
    async [Symbol.asyncDispose]() {
      for (const part of [way, link, master, replica]) await part[Symbol.asyncDispose]();
    },
  };
}

const urlOf = ({ port }: { readonly port: number }, { name }: User): string =>
  `redis://${name === undefined ? '' : `${name}:secret@`}127.0.0.1:${port}`;
const lengthOn = async (server: RedisServer): Promise<number> => Number(await server.cli('xlen', CHAT));

/** Publishes entries that reach the replica, then entries that do not. */
async function publishBothKinds(pair: Pair, broker: Broker): Promise<{ kept: string[]; lost: string[] }> {
  const kept = await publishEvents(broker, 10);
  await until(async () => (await lengthOn(pair.replica)) === 10);
  pair.link.swallow('replies');
  const lost = await publishEvents(broker, 10);
  return { kept, lost };
}

async function beat(broker: Broker, subscriber: string, start: StreamStart, entry: Entry) {
  const progress = { ...start, cursor: entry.id, entriesAdded: 20, digest: entryDigest(entry) };
  const [reply] = await broker.heartbeat(subscriber, new Map([[CHAT, progress]]));
  return present(reply);
}

describe.each(USERS)('for $who: a heartbeat after a failover that lost the last writes', (user) => {
  it('a subscriber that has read no lost entry continues at its cursor, even after many new entries', async () => {
    await using pair = await startPair(user);
    await using broker = await openBroker(urlOf(pair.way, user), OPTIONS);
    const [start] = await broker.register('behind');
    await broker.register('ahead');
    const { kept } = await publishBothKinds(pair, broker);
    const entries = await broker.readRange(CHAT, { count: 20 });
    await pair.failOver();
    await until(() => broker.state === 'ready');
    await publishEvents(broker, 15);
    const behind = await beat(broker, 'behind', present(start), present(entries[9]));
    expect(behind).toMatchObject({
      status: 'moved',
      cursor: kept[9],
      previousEpoch: { epoch: start?.epoch, upTo: kept[9] },
    });
    const ahead = await beat(broker, 'ahead', present(start), present(entries[19]));
    expect(ahead).toMatchObject({ status: 'reset', cursor: '0-0', epoch: behind.epoch });
    // No later heartbeat has shown that the server has an entry after this position.
    expect(ahead.previousEpoch).toEqual(behind.previousEpoch);
  });

  it('a subscriber restarts at the beginning if the new server has another entry under its cursor’s ID', async () => {
    await using pair = await startPair(user);
    await using broker = await openBroker(urlOf(pair.way, user), OPTIONS);
    const [start] = await broker.register('a');
    const { lost } = await publishBothKinds(pair, broker);
    const entries = await broker.readRange(CHAT, { count: 20 });
    await pair.failOver();
    await until(() => broker.state === 'ready');
    for (const id of lost) await pair.replica.cli('xadd', CHAT, id, 'another', 'entry');
    await publishEvents(broker, 5);
    expect(await beat(broker, 'a', present(start), present(entries[19]))).toMatchObject({ status: 'reset' });
  });

  it('a subscriber restarts at the beginning if its epoch is neither the present nor the previous one', async () => {
    await using pair = await startPair(user);
    await using broker = await openBroker(urlOf(pair.way, user), OPTIONS);
    const [start] = await broker.register('a');
    await publishEvents(broker, 3);
    const [entry] = await broker.readRange(CHAT, { count: 1 });
    await until(async () => (await lengthOn(pair.replica)) === 3);
    const previousEpoch = { ...present(start), epoch: 'another' };
    expect(await beat(broker, 'a', previousEpoch, present(entry))).toMatchObject({ status: 'reset' });
  });
});

/** Creates a subscriber that records its entries and events. */
function join(broker: Broker) {
  const read: string[] = [];
  const told: string[] = [];
  const subscriber = createSubscriber(broker, {
    name: 'a',
    readBlockMs: 100,
    onEntry: (_, { id }) => read.push(id),
    onReset: (stream) => told.push(`reset ${stream}`),
    onMove: (stream) => told.push(`move ${stream}`),
    onGap: (stream, lost) => told.push(`gap ${stream} ${lost}`),
  });
  return { subscriber, read, told };
}

describe.each(USERS)('for $who: a subscriber', (user) => {
  it('a subscriber continues at its cursor if the replica has every entry, and old positions stay valid', async () => {
    await using pair = await startPair(user);
    await using broker = await openBroker(urlOf(pair.way, user), OPTIONS);
    const { subscriber, read, told } = join(broker);
    await subscriber.start();
    const before = await publishEvents(broker, 10);
    await until(() => read.length === 10);
    await until(async () => (await lengthOn(pair.replica)) === 10);
    const position = parsePosition(subscriber.position());
    await pair.failOver();
    await until(() => broker.state === 'ready');
    const after = await publishEvents(broker, 20);
    await until(() => read.length === 30 && subscriber.isCaughtUp && told.length > 0);
    expect(read).toEqual([...before, ...after]);
    expect(told).toEqual([`move ${CHAT}`]);
    expect(parsePosition(subscriber.position())[0]?.epoch).not.toBe(position[0]?.epoch);
    expect(isValid(position, subscriber)).toBe(true);
    expect(position[0]?.cursor).toBe(before[9]);
    await subscriber.stop();
    expect(await broker.inspect(CHAT)).toMatchObject({ pending: 0, unconsumed: 0 });
  });

  it('a subscriber that has read entries which the replica lacks restarts at the beginning', async () => {
    await using pair = await startPair(user);
    await using broker = await openBroker(urlOf(pair.way, user), OPTIONS);
    const { subscriber, read, told } = join(broker);
    await subscriber.start();
    const kept = await publishEvents(broker, 10);
    await until(() => read.length === 10);
    // Waits until the replica also has the record of the newest ID.
    await until(async () => (await pair.replica.cli('hget', `epoch:{${CHAT}}`, 'lastId')) === kept[9]);
    const early = parsePosition(subscriber.position());
    pair.link.swallow('replies');
    await publishEvents(broker, 10);
    await until(() => read.length === 20);
    const late = parsePosition(subscriber.position());
    await pair.failOver();
    await until(() => broker.state === 'ready');
    const after = await publishEvents(broker, 15);
    // Some new entries may have been read before the loss was noticed. The subscriber reads them again.
    await until(() => told.length > 0 && subscriber.isCaughtUp && read.at(-1) === after[14]);
    expect(read.slice(-25)).toEqual([...kept, ...after]);
    expect(told).toEqual([`reset ${CHAT}`]);
    expect(isValid(late, subscriber)).toBe(false);
    expect(isValid(early, subscriber)).toBe(true);
    expect(early[0]?.cursor).toBe(kept[9]);
    await subscriber.stop();
  });

  it('a subscriber reads from the new master even if its reading connection leads to the old one', async () => {
    await using pair = await startPair(user);
    await using broker = await openBroker(urlOf(pair.way, user), OPTIONS);
    await using old = await openBroker(urlOf(pair.master, user), OPTIONS);
    const { subscriber, read, told } = join(broker);
    await subscriber.start();
    const before = await publishEvents(broker, 5);
    await until(() => read.length === 5);
    await until(async () => (await lengthOn(pair.replica)) === 5);
    // The old master keeps running and accepts entries. The test cuts only the writing connection, so only that one
    // reconnects to the new master.
    pair.link.swallow('replies');
    await pair.replica.cli('replicaof', 'no', 'one');
    pair.way.switchTo(pair.replica.port);
    const clients = await pair.master.cli('client', 'list');
    const writer = present(/^id=(\d+) .*name=\S*-writer /m.exec(clients)?.[1]);
    await pair.master.cli('client', 'kill', 'id', writer);
    await until(() => told.length > 0);
    await publishEvents(old, 5);
    const after = await publishEvents(broker, 5);
    await until(() => after.every((id) => read.includes(id)) && subscriber.isCaughtUp);
    expect(read.filter((id) => before.includes(id) || after.includes(id))).toEqual([...before, ...after]);
    await subscriber.stop();
  });

  it('a subscriber keeps its cursor after a crash of Redis with an append-only file that is synced every second', async () => {
    await using redis = await startRedis({
      args: ['--appendonly', 'yes', '--appendfsync', 'everysec', ...aclOf(user)],
    });
    await using broker = await openBroker(urlOf(redis, user), OPTIONS);
    const { subscriber, read, told } = join(broker);
    await subscriber.start();
    const before = await publishEvents(broker, 50);
    await until(() => read.length === 50);
    await redis.written();
    await redis.stop();
    await redis.restart();
    await until(() => broker.state === 'ready');
    const after = await publishEvents(broker, 50);
    await until(() => read.length === 100 && subscriber.isCaughtUp && told.length > 0);
    expect(read).toEqual([...before, ...after]);
    expect(told).toEqual([`move ${CHAT}`]);
    await subscriber.stop();
  });

  it('a subscriber keeps its epoch while its connections are cut and other subscribers register', async () => {
    await using redis = await startRedis({ args: aclOf(user) });
    await using way = await startTcpProxy(redis.port);
    await using broker = await openBroker(urlOf(way, user), OPTIONS);
    const { subscriber, read, told } = join(broker);
    await subscriber.start();
    const epoch = await redis.cli('hget', `epoch:{${CHAT}}`, 'value');
    for (let round = 0; round < 3; round++) {
      way.cut();
      await using other = await openBroker(urlOf(redis, user), OPTIONS);
      await other.register(`other ${round}`);
      await until(() => broker.state === 'ready' && subscriber.isCaughtUp);
      await publishEvents(other, 5);
      await until(() => read.length === 5 * (round + 1));
    }
    expect(told).toEqual([]);
    expect(await redis.cli('hget', `epoch:{${CHAT}}`, 'value')).toBe(epoch);
    await subscriber.stop();
  });

  it('a subscriber restarts at the beginning if its stream was deleted and refilled between two heartbeats', async () => {
    await using redis = await startRedis({ args: aclOf(user) });
    await using broker = await openBroker(urlOf(redis, user), { ...OPTIONS, heartbeatMs: 200 });
    const { subscriber, read, told } = join(broker);
    await subscriber.start();
    const before = await publishEvents(broker, 5);
    await until(async () => (await redis.cli('hget', `epoch:{${CHAT}}`, 'lastId')) === before[4]);
    await redis.cli('del', CHAT);
    const after = await publishEvents(broker, 10);
    await until(() => told.length > 0 && subscriber.isCaughtUp);
    expect(told).toEqual([`reset ${CHAT}`]);
    expect(read).toEqual(expect.arrayContaining(after));
    await subscriber.stop();
  });

  it('a subscriber continues in the same epoch after XGROUP DESTROY', async () => {
    await using redis = await startRedis({ args: aclOf(user) });
    await using broker = await openBroker(urlOf(redis, user), OPTIONS);
    const { subscriber, read, told } = join(broker);
    await subscriber.start();
    await publishEvents(broker, 5);
    await until(() => read.length === 5);
    const epoch = await redis.cli('hget', `epoch:{${CHAT}}`, 'value');
    await redis.cli('xgroup', 'destroy', CHAT, 'signalr-consumers');
    await publishEvents(broker, 5);
    await until(async () => read.length === 10 && (await redis.cli('xinfo', 'groups', CHAT)) !== '');
    await until(async () => (await broker.inspect(CHAT)).unconsumed === 0);
    expect(await redis.cli('hget', `epoch:{${CHAT}}`, 'value')).toBe(epoch);
    expect(told).toEqual([]);
    await subscriber.stop();
  });
});

function isValid(position: Position, subscriber: Subscriber): boolean {
  const current = subscriber.currentPosition();
  return position.every((part, index) => isPositionValid(part, present(current[index])));
}
