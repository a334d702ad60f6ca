// The copies of entries survive every failure between two steps: nothing is lost, and nothing is copied twice.
import {
  type Broker,
  BrokerError,
  connectSourceStreams,
  createRedisBroker,
  type SourceStreams,
} from '@millrace/broker';
import { systemClock } from '@millrace/internal';
import { startRedis, until } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { Collector } from '../../src/intake/collector/collector.js';
import { originOf } from '../../src/intake/collector/pattern.js';

const into = 'rooms';

/** Returns `target` with one method replaced. */
function replacing<T extends object>(target: T, name: keyof T, method: (...args: never[]) => unknown): T {
  return new Proxy(target, {
    get(of, key) {
      if (key === name) return method;
      const value: unknown = Reflect.get(of, key);
      return typeof value === 'function' ? (value.bind(of) as unknown) : value;
    },
  });
}

async function setUp(keyPrefix = '') {
  const redis = await startRedis();
  const broker = createRedisBroker({
    url: redis.url,
    keyPrefix,
    streams: [
      { name: into, maxLength: 10_000 },
      { name: 'chat:declared', maxLength: 10 },
    ],
  });
  await broker.open();
  const troubles: (string | undefined)[] = [];
  const running: Collector[] = [];
  const start = async (
    change: {
      readonly broker?: (broker: Broker) => Broker;
      readonly sources?: (sources: SourceStreams) => SourceStreams;
    } = {},
  ): Promise<Collector> => {
    const sources = await connectSourceStreams({
      url: redis.url,
      keyPrefix,
      broker,
      clock: systemClock,
    });
    const collector = new Collector({
      pattern: { prefix: 'chat:', into },
      broker: change.broker?.(broker) ?? broker,
      sources: change.sources?.(sources) ?? sources,
      clock: systemClock,
      onFound: () => {},
      onTrouble: (reason) => troubles.push(reason),
    });
    collector.start();
    running.push(collector);
    return collector;
  };
  return {
    broker,
    /** Appends an entry as another program does, and returns its ID. */
    write: (stream: string, text: string) => redis.cli('XADD', stream, '*', 'text', text),
    exists: async (key: string) => (await redis.cli('EXISTS', key)) === '1',
    troubles,
    start,
    /** Resolves when the entries with these texts were copied, in their order. */
    async copied(...texts: readonly string[]): Promise<void> {
      const read = async (): Promise<readonly (string | undefined)[]> =>
        (await broker.readRange(into, { count: 1_000 })).map(({ fields }) => fields['text']);
      await until(async () => (await read()).length >= texts.length);
      expect(await read()).toEqual(texts);
    },
    async [Symbol.asyncDispose]() {
      for (const collector of running) await collector.stop();
      await broker.close();
      await redis[Symbol.asyncDispose]();
    },
  };
}

test('an entry is copied once, even if its cursor could not be stored', async () => {
  await using system = await setUp();
  const { write, exists, troubles } = system;
  let failures = 2;
  await system.start({
    sources: (sources) =>
      replacing(sources, 'save', (...args: Parameters<SourceStreams['save']>) => {
        if (args[2].cursors.size > 0 && failures-- > 0)
          throw new BrokerError('unavailable', 'the line was cut');
        return sources.save(...args);
      }),
  });
  await until(() => exists('collected:{rooms}'));
  await write('chat:1', 'a');
  await write('chat:1', 'b');
  await system.copied('a', 'b');
  await until(() => troubles.at(-1) === undefined && troubles.length >= 2);
  await write('chat:1', 'c');
  await system.copied('a', 'b', 'c');
});

test('an entry that the broker refuses is copied later, in its order', async () => {
  await using system = await setUp();
  const { write, exists } = system;
  let failures = 3;
  await system.start({
    broker: (broker) =>
      replacing(broker, 'append', (...args: Parameters<Broker['append']>) => {
        if (failures-- > 0) throw new BrokerError('out_of_memory', 'Redis is full');
        return broker.append(...args);
      }),
  });
  await until(() => exists('collected:{rooms}'));
  for (const text of ['a', 'b', 'c']) await write('chat:1', text);
  await system.copied('a', 'b', 'c');
  expect(failures).toBeLessThan(0);
});

test('a collector that stops lets another one continue where it has stopped', async () => {
  await using system = await setUp();
  const { write, exists, broker } = system;
  const first = await system.start();
  await until(() => exists('collected:{rooms}'));
  const id = await write('chat:1', 'a');
  await write('chat:declared', 'not collected');
  await system.copied('a');
  await first.stop();
  expect(await exists('collector:{rooms}')).toBe(false);
  await write('chat:1', 'b');
  await write('chat:2', 'c');
  await system.start();
  await until(async () => (await broker.readRange(into, { count: 9 })).length === 3);
  const [copy] = await broker.readRange(into, { count: 1 });
  expect(originOf(copy?.fields ?? {})).toEqual({ stream: 'chat:1', id, isDamaged: false });
});

test('the key prefix of Millrace is not that of the other program', async () => {
  await using system = await setUp('acme:');
  await system.start();
  await until(() => system.exists('acme:collected:{acme:rooms}'));
  await system.write('acme:chat:1', 'the stream of another name');
  await system.write('chat:1', 'a');
  await system.copied('a');
});
