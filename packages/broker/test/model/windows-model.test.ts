// Coalescing windows in memory and in Redis give the same answers to any sequence of calls.
import {
  type Broker,
  compareEntryIds,
  createMemoryBroker,
  createRedisBroker,
  type WaitedEnding,
  type WindowClaim,
  type WindowName,
} from '@millrace/broker';
import { append, CHAT, fakeClock, type RedisServer, SUITE_OPTIONS, startRedis } from '@millrace/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis[Symbol.asyncDispose]());

// Within these times, no window becomes due and no lease expires during a run. The brokers have different clocks, and could
// otherwise give different answers.
const windowMs = 600_000;
const leaseMs = 600_000;

// Only two windows, so that each of them receives many calls.
const names: readonly WindowName[] = [
  { roomId: 'a', slot: 'typing' },
  { roomId: 'a:ü', slot: 'read_receipt' },
];
const name = fc.constantFrom(...names);
const token = fc.constantFrom('p', 'q');
const key = fc.constantFrom('ana', '\u0000', 'e', '7 8 9');
const text = fc.string({ unit: 'binary', maxLength: 12 }).map((value) => JSON.stringify(value));
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ op: fc.constant('add' as const), name, id: fc.constantFrom('1', '2', '3'), text }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('end' as const), name, key }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('claim' as const), name, token, isForced: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('renew' as const), name, token }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('commit' as const), name, token }) },
);

/**
 * Returns the result of a claim without the parts that depend on time. The keys of the endings are sorted, because endings
 * have no order.
 */
function timeless(claim: WindowClaim): unknown {
  if (claim.status !== 'claimed') return claim.status;
  const { inputs, endings } = claim;
  // The two brokers have different entry IDs, so the result contains none. It shows which endings came after each input
  // instead.
  const keys = endings.map(({ key: ended }) => ended).sort();
  return {
    keys,
    inputs: inputs.map(({ text: waited, asOf }) => ({
      waited,
      isEndedBy: keys.map((ended) => compareEntryIds(asOf ?? '', atOf(endings, ended)) <= 0),
    })),
  };
}

function atOf(endings: readonly WaitedEnding[], key: string): string {
  return endings.find((ending) => ending.key === key)?.at ?? '';
}

async function take(
  broker: Broker,
  action: typeof step extends fc.Arbitrary<infer Step> ? Step : never,
): Promise<unknown> {
  const { op, name: window } = action;
  const { windows } = broker;
  if (op === 'add') {
    const { isOpened, outcomes } = await windows.add(window, [{ id: action.id, text: action.text }], {
      windowMs,
      stream: CHAT,
    });
    return { isOpened, outcomes };
  }
  if (op === 'end') {
    const ends = { window, key: action.key, timestamp: '' };
    return (await append(broker, { stream: CHAT, fields: { a: 'b' }, ends })).isDuplicate;
  }
  if (op === 'claim') return timeless(await windows.claim(window, { ...action, leaseMs }));
  if (op === 'renew') return windows.renew(window, action.token, leaseMs);
  return windows.commit(window, action.token);
}

it('coalescing windows in memory and in Redis give the same answers to random sequences of calls', async () => {
  const memory = createMemoryBroker({ ...SUITE_OPTIONS, clock: fakeClock() });
  const server = createRedisBroker({ ...SUITE_OPTIONS, url: redis.url });
  await Promise.all([memory.open(), server.open()]);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
      // Each run has its own rooms, so that it finds no inputs of an earlier run.
      run++;
      for (const action of steps) {
        const own = { ...action, name: { ...action.name, roomId: `${run}/${action.name.roomId}` } };
        expect(await take(server, own), JSON.stringify(action)).toEqual(await take(memory, own));
      }
    }),
    { numRuns: 100 },
  );
  await Promise.all([memory.close(), server.close()]);
}, 120_000);
