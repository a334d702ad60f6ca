// The connection to Redis breaks in many ways. Callers learn what happened, and the broker recovers.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type Broker, type BrokerState, createRedisBroker } from '@millrace/broker';
import {
  append,
  CHAT,
  codeOf,
  freePort,
  present,
  SUITE_OPTIONS,
  startRedis,
  startTcpProxy,
  TICKET,
  until,
} from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { openBroker, publishEvents } from '../support/redis-fixture.js';

const FROM_START = new Map([[CHAT, '0-0']]);
const QUICK = { commandTimeoutMs: 300, connectTimeoutMs: 300 };

describe('publishing over a connection that is lost', () => {
  it('a publish can be repeated with the same dedupe IDs after a lost connection, without duplicates', async () => {
    await using redis = await startRedis();
    await using proxy = await startTcpProxy(redis.port);
    await using broker = await openBroker(`redis://127.0.0.1:${proxy.port}`);
    const publishAll = () =>
      Promise.allSettled(
        Array.from({ length: 4 }, (_, batch) =>
          broker.append(
            CHAT,
            Array.from({ length: 25 }, (_entry, index) => {
              const n = String(batch * 25 + index);
              return { fields: { n }, dedupeId: `id-${n}` };
            }),
          ),
        ),
      );
    // Redis has now cached the publish script, so the next command is the batch itself.
    await append(broker, { stream: TICKET, fields: { n: '0' } });
    // The batch is executed, but its reply never arrives.
    proxy.swallow('replies');
    const attempt = publishAll();
    await proxy.nextData('replies');
    proxy.cut();
    for (const result of await attempt) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
    }
    proxy.restore();
    await until(() => broker.state === 'ready');
    const retry = await publishAll();
    expect(retry.every(({ status }) => status === 'fulfilled')).toBe(true);
    const entries = await broker.readRange(CHAT, { count: 1000 });
    expect(entries.map(({ fields }) => Number(fields['n']))).toEqual(
      Array.from({ length: 100 }, (_, n) => n),
    );
    // The first attempt must have stored some of the entries. The test would prove nothing otherwise.
    const receipts = retry.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    expect(receipts.some((receipt) => 'isDuplicate' in receipt && receipt.isDuplicate)).toBe(true);
  });

  it('a publisher that retries stores every entry once and in order, despite repeated CLIENT KILL', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url);
    const done = new AbortController();
    const killing = (async () => {
      while (!done.signal.aborted) await redis.cli('client', 'kill', 'type', 'normal');
    })();
    for (let n = 0; n < 200; n++) await publishUntilStored(broker, n);
    done.abort();
    await killing;
    const entries = await broker.readRange(CHAT, { count: 1000 }).catch(() => []);
    await until(() => broker.state === 'ready');
    const numbers = (entries.length > 0 ? entries : await broker.readRange(CHAT, { count: 1000 })).map(
      ({ fields }) => Number(fields['n']),
    );
    expect(numbers).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('an error has mayHaveHappened only if the connection was lost during the command', async () => {
    await using redis = await startRedis();
    await using proxy = await startTcpProxy(redis.port);
    await using broker = await openBroker(`redis://127.0.0.1:${proxy.port}`);
    const publish = (n: string) =>
      append(broker, { stream: CHAT, fields: { n } }).catch((error: unknown) => error);
    proxy.swallow('requests');
    const sent = publish('sent');
    await proxy.nextData('requests');
    proxy.cut();
    expect(await sent).toMatchObject({ code: 'unavailable', mayHaveHappened: true });
    expect(await publish('while away')).toMatchObject({ code: 'unavailable', mayHaveHappened: false });
    proxy.restore();
    await until(() => broker.state === 'ready');
    expect(await broker.readRange(CHAT, { count: 10 })).toEqual([]);
  });

  it('an error has no mayHaveHappened if Redis answered that it accepts no writes now', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url);
    await redis.cli('config', 'set', 'min-replicas-to-write', '1');
    const refused = append(broker, { stream: CHAT, fields: { n: '1' } }).catch((error: unknown) => error);
    expect(await refused).toMatchObject({ code: 'unavailable', mayHaveHappened: false });
    await redis.cli('config', 'set', 'min-replicas-to-write', '0');
    expect(await broker.readRange(CHAT, { count: 10 })).toEqual([]);
  });
});

describe('a paused Redis', () => {
  it('a call to a paused Redis rejects with “timeout”, and later calls reject with “unavailable”', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url, QUICK);
    const states = watch(broker);
    redis.pause();
    expect(await codeOf(broker.inspect(CHAT))).toBe('timeout');
    expect(await codeOf(broker.inspect(CHAT))).toBe('unavailable');
    redis.resume();
    await until(() => broker.state === 'ready');
    await publishEvents(broker, 1);
    expect(states).toEqual(['unavailable', 'ready']);
  });

  it('no subscriber is declared dead after a pause of Redis, because a grace period follows', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url, { livenessMs: 400, heartbeatMs: 50 });
    await broker.register('a');
    await broker.register('b');
    const lease = present(await broker.acquireLease(CHAT, 'a'));
    redis.pause();
    const cut = broker.runLedgerPass(lease, { consumer: 'c', count: 10 });
    // Redis must be paused for longer than `livenessMs`. A paused Redis cannot tell its time, so the test measures it.
    const endMs = performance.now() + 900;
    await until(() => performance.now() >= endMs);
    redis.resume();
    expect(await cut).toMatchObject({ status: 'done', declaredDead: [] });
  });
});

describe('a blocking read', () => {
  it('a blocking read times out when no reply arrives, and a later read succeeds', async () => {
    await using redis = await startRedis();
    await using proxy = await startTcpProxy(redis.port);
    await using broker = await openBroker(`redis://127.0.0.1:${proxy.port}`, QUICK);
    expect(await broker.readAfter(FROM_START, { count: 1, blockMs: 1 })).toEqual(new Map());
    const states = watch(broker);
    proxy.swallow('replies');
    expect(await codeOf(broker.readAfter(FROM_START, { count: 1, blockMs: 50 }))).toBe('timeout');
    proxy.restore();
    await until(() => broker.state === 'ready');
    await publishUntilStored(broker, 1);
    expect((await readUntilFound(broker)).get(CHAT)?.length).toBe(1);
    expect(states[0]).toBe('unavailable');
  });

  it('a blocking read rejects when the connection is cut, and a later read finds new entries', async () => {
    await using redis = await startRedis();
    await using proxy = await startTcpProxy(redis.port);
    await using broker = await openBroker(`redis://127.0.0.1:${proxy.port}`);
    const waiting = codeOf(broker.readAfter(FROM_START, { count: 1, blockMs: 60_000 }));
    await until(async () => (await redis.cli('client', 'list')).includes('cmd=xread'));
    proxy.cut();
    expect(await waiting).toBe('unavailable');
    await redis.cli('xadd', CHAT, '*', 'n', '1');
    expect((await readUntilFound(broker)).get(CHAT)?.[0]?.fields).toEqual({ n: '1' });
  });

  it('a blocking read that was aborted does not delay the next read', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url);
    for (let n = 0; n < 20; n++) {
      const abort = new AbortController();
      const aborted = broker.readAfter(FROM_START, { count: 1, blockMs: 600_000, signal: abort.signal });
      if (n % 2 === 0) await until(async () => (await redis.cli('client', 'list')).includes('cmd=xread'));
      abort.abort();
      expect(await aborted).toEqual(new Map());
    }
    await publishEvents(broker, 1);
    expect((await broker.readAfter(FROM_START, { count: 1, blockMs: 600_000 })).size).toBe(1);
  });

  it('a second blocking read at the same time is refused', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url);
    const first = broker.readAfter(FROM_START, { count: 1, blockMs: 600_000 });
    expect(await codeOf(broker.readAfter(FROM_START, { count: 1, blockMs: 0 }))).toBe('invalid_argument');
    await publishEvents(broker, 1);
    await first;
  });
});

describe('open', () => {
  it('open() rejects with “unavailable” if nothing listens at the address, and the broker becomes idle again', async () => {
    const port = await freePort();
    const broker = createRedisBroker({ ...SUITE_OPTIONS, ...QUICK, url: `redis://127.0.0.1:${port}` });
    expect(await codeOf(broker.open())).toBe('unavailable');
    expect(broker.state).toBe('idle');
    expect(await codeOf(append(broker, { stream: CHAT, fields: { n: '1' } }))).toBe('unavailable');
    await broker.close();
  });

  it('open() rejects with “unavailable” when the server accepts the connection but does not answer', async () => {
    await using redis = await startRedis();
    redis.pause();
    const broker = createRedisBroker({ ...SUITE_OPTIONS, ...QUICK, url: redis.url });
    expect(await codeOf(broker.open())).toBe('unavailable');
    redis.resume();
    await broker.open();
    expect(broker.state).toBe('ready');
    await broker.close();
  });

  it('open() rejects with “refused” if the password is wrong, and the error does not contain it', async () => {
    await using redis = await startRedis({ args: ['--requirepass', 'right'] });
    const wrong = createRedisBroker({
      ...SUITE_OPTIONS,
      url: `redis://:secret-word@127.0.0.1:${redis.port}`,
    });
    const error = await wrong.open().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'refused' });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('secret-word');
    await wrong.close();
    const right = createRedisBroker({ ...SUITE_OPTIONS, url: `redis://:right@127.0.0.1:${redis.port}` });
    await right.open();
    await right.close();
  });

  it('a broker whose last attempt to connect runs out of time reports the cause of an earlier attempt', async () => {
    let count = 0;
    const server = createServer((socket) => {
      count += 1;
      socket.on('error', () => {});
      if (count === 1) socket.destroy();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const broker = createRedisBroker({
        ...SUITE_OPTIONS,
        url: `redis://127.0.0.1:${port}`,
        connectTimeoutMs: 1_500,
      });
      await expect(broker.open()).rejects.toThrow(/closes the connection without an answer/);
      expect(count).toBeGreaterThan(1);
      await broker.close();
    } finally {
      server.close();
    }
  });

  it('a broker can be closed while it is opening', async () => {
    const port = await freePort();
    const broker = createRedisBroker({
      ...SUITE_OPTIONS,
      url: `redis://127.0.0.1:${port}`,
      connectTimeoutMs: 60_000,
    });
    const opening = codeOf(broker.open());
    await broker.close();
    expect(await opening).toBe('closed');
  });
});

it('a broker whose master became a replica is unavailable until it finds a master', async () => {
  await using redis = await startRedis();
  await using broker = await openBroker(redis.url);
  const states = watch(broker);
  await redis.cli('replicaof', '127.0.0.1', '1');
  expect(await codeOf(append(broker, { stream: CHAT, fields: { n: '1' } }))).toBe('unavailable');
  await redis.cli('replicaof', 'no', 'one');
  await publishUntilStored(broker, 2);
  expect(states.slice(0, 2)).toEqual(['unavailable', 'ready']);
  expect((await broker.readRange(CHAT, { count: 10 })).map(({ fields }) => fields)).toEqual([{ n: '2' }]);
});

it('a broker works again after each crash and restart of Redis, and reports each change of its state once', async () => {
  await using redis = await startRedis({ isDurable: true });
  await using broker = await openBroker(redis.url);
  const states = watch(broker);
  await publishUntilStored(broker, 1);
  for (let crashes = 0; crashes < 3; crashes++) {
    await redis.stop();
    await until(() => broker.state === 'unavailable');
    await redis.restart();
    await until(() => broker.state === 'ready');
  }
  await publishUntilStored(broker, 2);
  expect((await broker.readRange(CHAT, { count: 10 })).length).toBe(2);
  expect(states).toEqual(['unavailable', 'ready', 'unavailable', 'ready', 'unavailable', 'ready']);
});

function watch(broker: Broker): BrokerState[] {
  const states: BrokerState[] = [];
  broker.onStateChange((state) => states.push(state));
  return states;
}

/** Appends an entry. Retries with the same dedupe ID until it is stored, as a publisher does. */
async function publishUntilStored(broker: Broker, n: number): Promise<void> {
  const entry = { stream: CHAT, fields: { n: String(n) }, dedupeId: `id-${n}` };
  await until(async () => (await codeOf(append(broker, entry))) === 'resolved');
}

async function readUntilFound(broker: Broker) {
  let found = new Map() as Awaited<ReturnType<Broker['readAfter']>>;
  await until(async () => {
    found = await broker.readAfter(FROM_START, { count: 10, blockMs: 10 }).catch(() => new Map());
    return found.size > 0;
  });
  return found;
}
