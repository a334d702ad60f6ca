// A broker asks Sentinels for the master before every connection and after every failover. It sends no write
// to a server that is not a master, or that was replaced.
import { type Broker, createSubscriber } from '@millrace/broker';
import {
  CHAT,
  codeOf,
  type RedisServer,
  type Sentinels,
  startRedis,
  startSentinels,
  startTcpProxy,
  until,
} from '@millrace/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBroker, publishEvents } from '../support/redis-fixture.js';

const OPTIONS = { streams: [{ name: CHAT, maxLength: 1_000 }], heartbeatMs: 50, commandTimeoutMs: 1_000 };
const secret = 'hunter2';
const SERVER_ARGS = ['--repl-diskless-sync-delay', '0', '--requirepass', secret, '--masterauth', secret];
const SENTINEL_LINES = [
  `sentinel auth-pass mymaster ${secret}`,
  'requirepass watcher',
  `sentinel sentinel-pass watcher`,
];

let master: RedisServer;
let replica: RedisServer;
let sentinels: Sentinels;
/** A URL of the Sentinels, with all passwords and a database. */
let url: string;

const cli = (server: RedisServer, ...args: string[]): Promise<string> =>
  server.cli('-a', secret, '--no-auth-warning', '-n', '2', ...args);
const lengthOn = async (server: RedisServer): Promise<number> => Number(await cli(server, 'xlen', CHAT));
const isLinked = async (server: RedisServer): Promise<boolean> =>
  (await cli(server, 'info', 'replication')).includes('master_link_status:up');

beforeEach(async () => {
  master = await startRedis({ args: SERVER_ARGS });
  replica = await startRedis({ args: SERVER_ARGS });
  await cli(replica, 'replicaof', '127.0.0.1', String(master.port));
  await until(() => isLinked(replica));
  sentinels = await startSentinels({ masterPort: master.port, lines: SENTINEL_LINES });
  url = `redis+sentinel://:${secret}@${sentinels.hosts}/mymaster/2?sentinel_password=watcher`;
});

afterEach(async () => {
  for (const part of [sentinels, master, replica]) await part[Symbol.asyncDispose]();
});

/** Resolves when the broker's connection for commands leads to this server. */
async function untilConnectedTo(server: RedisServer, broker: Broker): Promise<void> {
  await until(async () => (await cli(server, 'client', 'list')).includes('name=millrace-writer'));
  await until(() => broker.state === 'ready');
}

/** Starts a proxy before each Sentinel. The proxies delay the answers. */
async function slowWiresTo({ all }: Sentinels): Promise<AsyncDisposable & { readonly hosts: string }> {
  const wires = await Promise.all(all.map(({ port }) => startTcpProxy(port)));
  for (const wire of wires) wire.delay('replies', 50);
  return {
    hosts: wires.map(({ port }) => `127.0.0.1:${port}`).join(','),
    async [Symbol.asyncDispose]() {
      for (const wire of wires) await wire[Symbol.asyncDispose]();
    },
  };
}

describe('Sentinels', () => {
  it('a broker sends its first write after a planned failover to the new master', async () => {
    await using broker = await openBroker(url, OPTIONS);
    await publishEvents(broker, 3);
    expect(await lengthOn(master)).toBe(3);
    await until(async () => (await sentinels.cli(0, 'SENTINEL', 'FAILOVER', 'mymaster')) === 'OK');
    await untilConnectedTo(replica, broker);
    await publishEvents(broker, 2);
    expect(await lengthOn(replica)).toBe(5);
  });

  it('a subscriber continues without a loss after the master was killed', async () => {
    await using broker = await openBroker(url, OPTIONS);
    const read: string[] = [];
    const subscriber = createSubscriber(broker, {
      name: 'a',
      readBlockMs: 100,
      onEntry: (_, { id }) => read.push(id),
    });
    await subscriber.start();
    const before = await publishEvents(broker, 10);
    await until(async () => (await lengthOn(replica)) === 10);
    await master.stop();
    await untilConnectedTo(replica, broker);
    const after = await publishEvents(broker, 10);
    await until(() => read.length === 20);
    expect(read).toEqual([...before, ...after]);
    await subscriber.stop();
  });

  it('a broker that sends nothing still leaves a frozen master, so that the old master gets no write when it resumes', async () => {
    await using broker = await openBroker(url, OPTIONS);
    await publishEvents(broker, 3);
    await until(async () => (await lengthOn(replica)) === 3);
    // The broker follows one Sentinel at a time, and may be following this paused Sentinel.
    sentinels.all[0]?.pause();
    master.pause();
    await untilConnectedTo(replica, broker);
    master.resume();
    await publishEvents(broker, 2);
    expect(await lengthOn(replica)).toBe(5);
    // The Sentinels make the old master a replica, which therefore gets the same entries.
    await until(() => isLinked(master));
    await until(async () => (await lengthOn(master)) === 5);
    await publishEvents(broker, 1);
    expect(await lengthOn(replica)).toBe(6);
  });

  it('a broker uses the master of the newest failover, even if a Sentinel still names an earlier one', async () => {
    await using old = await startRedis({ args: SERVER_ARGS });
    await using cutOff = await startSentinels({
      masterPort: old.port,
      count: 1,
      quorum: 1,
      lines: SENTINEL_LINES,
      hasReplicas: false,
    });
    await until(async () => (await sentinels.cli(0, 'SENTINEL', 'FAILOVER', 'mymaster')) === 'OK');
    await sentinels.agreeOn(replica.port);
    // The answer of the cut-off Sentinel comes first.
    await using wires = await slowWiresTo(sentinels);
    const hosts = `${cutOff.hosts},${wires.hosts}`;
    await using broker = await openBroker(
      `redis+sentinel://:${secret}@${hosts}/mymaster/2?sentinel_password=watcher`,
      OPTIONS,
    );
    await publishEvents(broker, 1);
    expect(await lengthOn(replica)).toBe(1);
    // The broker ignores the old answer even if only that Sentinel still answers.
    for (const sentinel of sentinels.all) await sentinel.stop();
    await cli(replica, 'client', 'kill', 'type', 'normal');
    await until(() => broker.state === 'unavailable');
    await until(() => broker.state === 'ready');
    await publishEvents(broker, 1);
    expect(await lengthOn(replica)).toBe(2);
    expect(await lengthOn(old)).toBe(0);
  });

  it('a broker opens although one Sentinel is gone and another one does not answer', async () => {
    await sentinels.all[0]?.stop();
    sentinels.all[1]?.pause();
    await using broker = await openBroker(url, OPTIONS);
    await publishEvents(broker, 1);
    expect(await lengthOn(master)).toBe(1);
  });

  it('a broker does not open on a replica that Sentinels name as the master', async () => {
    await using wrong = await startSentinels({
      masterPort: replica.port,
      count: 1,
      lines: SENTINEL_LINES,
      downAfterMs: 60_000,
      hasReplicas: false,
    });
    const named = openBroker(
      `redis+sentinel://:${secret}@${wrong.hosts}/mymaster?sentinel_password=watcher`,
      {
        ...OPTIONS,
        // So long that a busy machine can ask the Sentinel and the replica.
        connectTimeoutMs: 5_000,
      },
    );
    expect(await codeOf(named)).toBe('unavailable');
    await expect(named).rejects.toThrow(
      `The Sentinels name 127.0.0.1:${replica.port} as the master mymaster, but it is a replica`,
    );
  });
});
