// Runs random lists of steps on both brokers, and checks every step against a model of their guarantees.
// More runs: MODEL_RUNS=5000 npx vitest run --project unit packages/broker/test/model/model.test.ts
// The same run again: MODEL_SEED=<the seed that a failure names>
import { createMemoryBroker, createRedisBroker } from '@millrace/broker';
import { CHAT, fakeClock, type RedisServer, startRedis } from '@millrace/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { steps } from './steps.js';
import type { Subject } from './subject.js';
import { World } from './world.js';

const { MODEL_RUNS: wantedRuns, MODEL_SEED: seed } = process.env;
const runs = wantedRuns === undefined ? undefined : Number(wantedRuns);
/**
 * Liveness time and lease time, in milliseconds. They are short, because time on Redis is real. A slow machine may let a
 * reader be declared dead by mistake. The reader learns of it from its next heartbeat.
 */
const silenceMs = 40;
const options = {
  streams: [{ name: CHAT, maxLength: 20 }],
  hardCapFactor: 3,
  trimBatchSize: 15,
  minAgeMs: 0,
  livenessMs: silenceMs,
  leaseMs: silenceMs,
};

let redis: RedisServer;

beforeAll(async () => {
  // Small stream nodes let short streams be trimmed as long ones are.
  redis = await startRedis({ args: ['--stream-node-max-entries', '4'] });
});

afterAll(() => redis[Symbol.asyncDispose]());

async function inMemory(): Promise<Subject> {
  const clock = fakeClock();
  const broker = createMemoryBroker({ ...options, clock });
  await broker.open();
  return { broker, passTime: (ms) => clock.advance(ms) };
}

async function onRedis(): Promise<Subject> {
  await redis.cli('flushall');
  const broker = createRedisBroker({ ...options, url: redis.url });
  await broker.open();
  const run = async (...command: readonly string[]): Promise<void> => void (await redis.cli(...command));
  return {
    broker,
    passTime: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    accidents: {
      flush: () => run('flushall'),
      deleteStream: () => run('del', CHAT),
      destroyGroup: () => run('xgroup', 'destroy', CHAT, 'signalr-consumers'),
      trimTo: (length) => run('xtrim', CHAT, 'MAXLEN', String(length)),
    },
  };
}

test.each([
  ['memory', inMemory, false, 300],
  ['Redis', onRedis, true, 25],
] as const)(
  'the broker on %s keeps its promises under any sequence of operations and faults',
  async (_name, start, hasAccidents, usualRuns) => {
    await fc.assert(
      fc.asyncProperty(steps(silenceMs + 5, hasAccidents), async (list) => {
        const subject = await start();
        try {
          const world = new World(subject);
          for (const step of list) await step.run(world);
          await world.settle();
        } finally {
          await subject.broker.close();
        }
      }),
      { numRuns: runs ?? usualRuns, ...(seed === undefined ? {} : { seed: Number(seed) }) },
    );
  },
  120_000 + (runs ?? 0) * 1_000,
);
