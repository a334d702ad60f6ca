// The guarantees of a subscriber, on Redis and in memory: order, positions, acknowledgements, recovery and a clean stop.
import {
  type Broker,
  type BrokerOptions,
  compareEntryIds,
  createMemoryBroker,
  createRedisBroker,
  createSubscriber,
  type Position,
  parsePosition,
  type Subscriber,
  type SubscriberOptions,
} from '@millrace/broker';
import {
  appendNumbered,
  CHAT,
  codeOf,
  present,
  type RedisServer,
  SUITE_OPTIONS,
  startRedis,
  TICKET,
  until,
} from '@millrace/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const OPTIONS = { ...SUITE_OPTIONS, livenessMs: 3_000, leaseMs: 3_000, heartbeatMs: 20 };

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis[Symbol.asyncDispose]());

/**
 * Returns a broker with the same streams at every call. For Redis, it is a new broker each time. In memory, it is always the
 * same one.
 */
type Connect = () => Promise<Broker>;

async function onRedis(options: Partial<BrokerOptions>): Promise<Connect> {
  await redis.cli('flushall');
  return async () => {
    const broker = createRedisBroker({ ...OPTIONS, ...options, url: redis.url });
    await broker.open();
    return broker;
  };
}

async function inMemory(options: Partial<BrokerOptions>): Promise<Connect> {
  const broker = createMemoryBroker({ ...OPTIONS, ...options });
  await broker.open();
  return async () => broker;
}

/** Creates a subscriber that records its entries and events. */
function join(broker: Broker, name: string, options: Partial<SubscriberOptions> = {}) {
  const log: string[] = [];
  const seen: Record<string, number[]> = { [CHAT]: [], [TICKET]: [] };
  const subscriber: Subscriber = createSubscriber(broker, {
    name,
    onEntry: (stream, { fields }) => seen[stream]?.push(Number(fields['n'])),
    onStateChange: (state) => log.push(state),
    onError: (_, source) => log.push(`error:${source}`),
    onOvertaken: (stream, firstId) => log.push(`overtaken:${stream}:${firstId}`),
    onGap: (stream, lost) => log.push(`gap:${stream}:${lost}`),
    onReset: (stream) => log.push(`reset:${stream}`),
    ...options,
  });
  return { subscriber, log, seen, chat: present(seen[CHAT]), ticket: present(seen[TICKET]) };
}

async function publish(broker: Broker, from: number, count: number, stream = CHAT): Promise<void> {
  await appendNumbered(broker, { stream, count, from });
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe.each([
  ['Redis', onRedis],
  ['memory', inMemory],
])('a subscriber on %s', (_, connectTo) => {
  it('a subscriber handles every entry once and in order, whether published before or after its start', async () => {
    const connect = await connectTo({});
    const broker = await connect();
    await publish(broker, 0, 700);
    const { subscriber, chat, ticket, log } = join(broker, 'a');
    await subscriber.start();
    await Promise.all([publish(broker, 700, 800), publish(broker, 0, 300, TICKET)]);
    await until(() => chat.length + ticket.length === 1800);
    expect(chat).toEqual(upTo(1500));
    expect(ticket).toEqual(upTo(300));
    await subscriber.stop();
    await broker.close();
    expect(log).toEqual(['registering', 'tailing', 'stopping', 'stopped']);
  });

  it('a subscriber’s position includes the entry in progress, and moves forward with every entry', async () => {
    const connect = await connectTo({});
    const broker = await connect();
    const positions: string[] = [];
    const { subscriber, chat } = join(broker, 'a', {
      onEntry: (stream, { id, fields }) => {
        positions.push(subscriber.position());
        expect(subscriber.cursor(stream)).toBe(id);
        expect(parsePosition(subscriber.position([stream]))).toMatchObject([{ cursor: id }]);
        chat.push(Number(fields['n']));
      },
    });
    await subscriber.start();
    positions.push(subscriber.position());
    await publish(broker, 0, 50);
    await until(() => chat.length === 50);
    for (const [index, position] of positions.entries()) {
      const before = positions[index - 1];
      if (before !== undefined) expect(isOlder(parsePosition(before), parsePosition(position))).toBe(true);
    }
    expect(parsePosition(subscriber.position())).toEqual(subscriber.currentPosition());
    expect(() => subscriber.position(['events:other'])).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
    await subscriber.stop();
    await broker.close();
  });

  it('two subscribers that have read the same entries have the same position', async () => {
    const connect = await connectTo({});
    const [a, b] = [await connect(), await connect()];
    const first = join(a, 'a');
    const second = join(b, 'b');
    await first.subscriber.start();
    await second.subscriber.start();
    await publish(a, 0, 20);
    await publish(a, 0, 20, TICKET);
    await until(() => [first, second].every(({ chat, ticket }) => chat.length + ticket.length === 40));
    expect(second.subscriber.position()).toBe(first.subscriber.position());
    expect([first.chat, second.chat]).toEqual([upTo(20), upTo(20)]);
    await first.subscriber.stop();
    await second.subscriber.stop();
    await Promise.all([a.close(), b.close()]);
  });

  it('a subscriber continues when onEntry throws, and reports the error', async () => {
    const connect = await connectTo({});
    const broker = await connect();
    const { subscriber, chat, log } = join(broker, 'a', {
      onEntry: (_stream, { fields }) => {
        chat.push(Number(fields['n']));
        if (fields['n'] === '3') throw new Error('a bug in the handler');
      },
    });
    await subscriber.start();
    await publish(broker, 0, 6);
    await until(() => chat.length === 6);
    expect(chat).toEqual(upTo(6));
    await subscriber.stop();
    await broker.close();
    expect(log).toEqual(['registering', 'tailing', 'error:entry', 'stopping', 'stopped']);
  });

  it('a subscriber calls warmUp between its registration and its first read, and sends heartbeats meanwhile', async () => {
    const connect = await connectTo({ livenessMs: 200 });
    const broker = await connect();
    await publish(broker, 0, 5);
    const { subscriber, chat } = join(broker, 'a', {
      warmUp: async (starts) => {
        expect(starts.map(({ stream }) => stream)).toEqual([CHAT, TICKET]);
        expect(chat).toEqual([]);
        const before = subscriber.brokerTimeMs();
        await until(() => subscriber.brokerTimeMs() > before + 50);
      },
    });
    await subscriber.start();
    await until(() => chat.length === 5);
    await subscriber.stop();
    await broker.close();
  });

  it('a subscriber whose warmUp fails does not start, and removes its registration', async () => {
    const connect = await connectTo({});
    const broker = await connect();
    const warmUp = () => Promise.reject(new Error('no memory'));
    const { subscriber } = join(broker, 'a', { warmUp });
    await expect(subscriber.start()).rejects.toThrow('no memory');
    expect(subscriber.state).toBe('stopped');
    await publish(broker, 0, 1);
    const [start] = await broker.register('b');
    expect(start?.cursor).toBe('0-0');
    await broker.close();
  });

  it('a stopped subscriber has acknowledged every entry, and holds no lease and no slot', async () => {
    const connect = await connectTo({});
    const broker = await connect();
    const { subscriber, chat } = join(broker, 'a');
    await subscriber.start();
    await publish(broker, 0, 1500);
    await until(() => chat.length === 1500);
    await until(() => subscriber.slot === 1);
    await subscriber.stop();
    await subscriber.stop();
    expect(subscriber.slot).toBeUndefined();
    expect(await broker.inspect(CHAT)).toMatchObject({ pending: 0, unconsumed: 0 });
    expect(await broker.claimSlot('b')).toEqual({ slot: 1, heldSlots: [1] });
    expect(present(await broker.acquireLease(CHAT, 'b')).owner).toBe('b');
    expect(
      (await broker.register('b')).map(({ stream, cursor, lastId }) => [stream, cursor === lastId]),
    ).toEqual([
      [CHAT, true],
      [TICKET, true],
    ]);
    await broker.close();
  });

  it('two subscribers divide the streams between them, and one takes over all streams when the other stops', async () => {
    const connect = await connectTo({ leaseMs: 300 });
    const [a, b] = [await connect(), await connect()];
    const passed: Record<string, Set<string>> = { a: new Set(), b: new Set() };
    const note = (name: string) => ({ onLedgerPass: (stream: string) => void passed[name]?.add(stream) });
    const first = join(a, 'a', note('a'));
    const second = join(b, 'b', note('b'));
    await first.subscriber.start();
    await second.subscriber.start();
    let n = 0;
    const publishBoth = async () => {
      await publish(a, n, 1);
      await publish(a, n++, 1, TICKET);
    };
    await until(async () => {
      await publishBoth();
      return first.subscriber.slot === 1 && second.subscriber.slot === 2 && passed['b']?.size === 1;
    });
    for (const name of ['a', 'b']) passed[name]?.clear();
    await until(async () => {
      await publishBoth();
      return passed['a']?.size === 1 && passed['b']?.size === 1;
    });
    expect(new Set([...(passed['a'] ?? []), ...(passed['b'] ?? [])]).size).toBe(2);
    await first.subscriber.stop();
    await until(async () => {
      await publish(b, n, 1);
      await publish(b, n++, 1, TICKET);
      return passed['b']?.size === 2;
    });
    await until(async () => (await b.inspect(CHAT)).pending === 0);
    await second.subscriber.stop();
    await Promise.all([a.close(), b.close()]);
  });

  it('a subscriber counts exactly the entries that the hard cap removed unread', async () => {
    const streams = [{ name: CHAT, maxLength: 10 }];
    const connect = await connectTo({ streams, hardCapFactor: 10 });
    const broker = await connect();
    const { subscriber, chat, log } = join(broker, 'a');
    await subscriber.start();
    await publish(broker, 0, 5);
    await until(() => chat.length === 5 && subscriber.isCaughtUp);
    // All entries are appended and cut in one step, so that no read comes in between.
    await publish(broker, 5, 1000);
    await until(() => chat.at(-1) === 1004);
    await until(async () => log.some((line) => line.startsWith('gap:')) || chat.length === 1005);
    const missed = 1005 - chat.length;
    await until(() => sumOfGaps(log) === missed);
    expect(sumOfGaps(log)).toBe(missed);
    expect(chat).toEqual([...chat].sort((x, y) => x - y));
    await subscriber.stop();
    await broker.close();
  });

  it('a subscriber handles no entry after a gap, and reports no gap, before beforeOvertaken has resolved', async () => {
    const streams = [{ name: CHAT, maxLength: 10 }];
    const connect = await connectTo({ streams, hardCapFactor: 10 });
    const broker = await connect();
    const numbers: number[] = [];
    const releases: (() => void)[] = [];
    let isOpen = false;
    const { subscriber, log } = join(broker, 'a', {
      readCount: 20,
      onEntry: (_stream, { fields }) => numbers.push(Number(fields['n'])),
      beforeOvertaken: () => (isOpen ? Promise.resolve() : new Promise((resolve) => releases.push(resolve))),
    });
    await subscriber.start();
    await publish(broker, 0, 5);
    await until(() => numbers.length === 5 && subscriber.isCaughtUp);
    await publish(broker, 5, 500);
    await until(() => releases.length === 1);
    expect(numbers.every((n, index) => n === index)).toBe(true);
    expect(log.filter((line) => line.startsWith('overtaken:'))).toEqual([]);
    isOpen = true;
    for (const release of releases) release();
    await until(() => numbers.at(-1) === 504);
    await subscriber.stop();
    await broker.close();
  });

  it('a subscriber calls onOvertaken before it calls onEntry for the first entry after a gap', async () => {
    const streams = [{ name: CHAT, maxLength: 10 }];
    const connect = await connectTo({ streams, hardCapFactor: 10 });
    const broker = await connect();
    const entries: { readonly n: number; readonly overtaken: number }[] = [];
    const { subscriber, log } = join(broker, 'a', {
      readCount: 20,
      onEntry: (_stream, { fields }) =>
        entries.push({
          n: Number(fields['n']),
          overtaken: log.filter((line) => line.startsWith('overtaken:')).length,
        }),
    });
    await subscriber.start();
    await publish(broker, 0, 5);
    await until(() => entries.length === 5 && subscriber.isCaughtUp);
    // All entries are appended and cut in one step, so that no read comes in between.
    await publish(broker, 5, 500);
    await until(() => entries.at(-1)?.n === 504);
    expect(entries.length).toBeLessThan(505);
    for (const [index, { n, overtaken }] of entries.entries()) {
      const before = entries[index - 1];
      const isBehindGap = before !== undefined && n > before.n + 1;
      if (isBehindGap) expect(overtaken, `told before ${n}`).toBeGreaterThan(before.overtaken);
    }
    await until(() => sumOfGaps(log) === 505 - entries.length);
    await subscriber.stop();
    await broker.close();
  });

  it('a subscriber far behind does not trim entries that it has not read', async () => {
    const streams = [{ name: CHAT, maxLength: 10 }];
    const connect = await connectTo({ streams, hardCapFactor: 1_000, minAgeMs: 0, heartbeatMs: 5 });
    const broker = await connect();
    const { subscriber, log, chat } = join(broker, 'a', {
      readCount: 7,
      trimIntervalMs: 1,
      fullPassDelayMs: 1,
      busyPassDelayMs: 1,
    });
    await subscriber.start();
    for (let round = 0; round < 20; round += 1) await publish(broker, round * 100, 100);
    await until(() => chat.length === 2_000);
    await until(async () => (await broker.inspect(CHAT)).length < 500);
    expect(log.filter((line) => /^(?:over|gap)/.test(line))).toEqual([]);
    await subscriber.stop();
    await broker.close();
  });

  it('a subscriber can be started only once, and can be stopped without having been started', async () => {
    const connect = await connectTo({});
    const broker = await connect();
    const { subscriber } = join(broker, 'a');
    await subscriber.start();
    expect(await codeOf(subscriber.start())).toBe('invalid_argument');
    await subscriber.stop();
    expect(await codeOf(subscriber.start())).toBe('invalid_argument');
    const idle = join(broker, 'b');
    await idle.subscriber.stop();
    expect(idle.log).toEqual(['stopping', 'stopped']);
    await broker.close();
  });

  it('a subscriber cannot be started if its broker is closed', async () => {
    const connect = await connectTo({});
    const broker = await connect();
    await broker.close();
    expect(await codeOf(join(broker, 'a').subscriber.start())).toBe('closed');
  });

  it('a subscriber can be stopped after its broker was closed', async () => {
    const connect = await connectTo({});
    const broker = await connect();
    const { subscriber, log } = join(broker, 'a');
    await subscriber.start();
    await broker.close();
    await subscriber.stop();
    expect(subscriber.state).toBe('stopped');
    expect(log).toContain('error:stop');
  });
});

function sumOfGaps(log: readonly string[]): number {
  return log
    .filter((line) => line.startsWith('gap:'))
    .reduce((sum, line) => sum + Number(line.split(':').at(-1)), 0);
}

/** True if `b` has the same epochs as `a`, is behind `a` in no stream, and is ahead of `a` in at least one. */
function isOlder(a: Position, b: Position): boolean {
  const signs = a.map(({ cursor }, index) => compareEntryIds(cursor, present(b[index]).cursor));
  const isSameEpoch = a.every(({ epoch }, index) => epoch === b[index]?.epoch);
  return isSameEpoch && signs.every((sign) => sign <= 0) && signs.some((sign) => sign < 0);
}
