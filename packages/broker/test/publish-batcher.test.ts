// The batcher alone, with a send that the test settles.
import { BrokerError, type OutgoingEntry, type PublishReceipt } from '@millrace/broker';
import { codeOf, fakeClock } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { type BatcherOptions, PublishBatcher } from '../src/redis/publish-batcher.js';

function setUp(options: Partial<BatcherOptions> = {}) {
  const clock = fakeClock();
  const batches: {
    readonly names: string[];
    settle(results?: (PublishReceipt | BrokerError)[]): Promise<void>;
    fail(error: Error): Promise<void>;
  }[] = [];
  const send = (entries: readonly OutgoingEntry[]) =>
    new Promise<(PublishReceipt | BrokerError)[]>((resolve, reject) => {
      const names = entries.map(({ fields }) => fields['n'] ?? '');
      batches.push({
        names,
        async settle(results = names.map((n) => ({ id: `${n}-0`, isDuplicate: false }))) {
          resolve(results);
          await clock.advance(0);
        },
        async fail(error) {
          reject(error);
          await clock.advance(0);
        },
      });
    });
  const batcher = new PublishBatcher(send, {
    maxBatchEntries: 3,
    maxBatchChars: 100,
    maxQueuedEntries: 5,
    maxQueuedChars: 1_000,
    maxWaitMs: 1_000,
    clock,
    ...options,
  });
  const publish = (n: number, chars = 1) => batcher.publish({ stream: 's', fields: { n: String(n) } }, chars);
  const sent = () => batches.map(({ names }) => names.join());
  return { clock, batches, batcher, publish, sent };
}

it('sends what one turn published together, one batch at a time, in order', async () => {
  const { clock, batches, publish, sent } = setUp();
  const all = Promise.all([1, 2, 3, 4].map((n) => publish(n)));
  await clock.advance(0);
  expect(sent()).toEqual(['1,2,3']);
  const late = publish(5);
  await clock.advance(0);
  expect(sent()).toEqual(['1,2,3']);
  await batches[0]?.settle();
  expect(sent()).toEqual(['1,2,3', '4,5']);
  await batches[1]?.settle();
  expect((await all).map(({ id }) => id)).toEqual(['1-0', '2-0', '3-0', '4-0']);
  expect((await late).id).toBe('5-0');
});

it('closes a batch by its size too, and sends a huge entry alone', async () => {
  const { clock, batches, publish, sent } = setUp();
  void publish(1, 60);
  void publish(2, 60);
  void publish(3, 500);
  for (let n = 0; n < 3; n++) {
    await clock.advance(0);
    await batches[n]?.settle();
  }
  expect(sent()).toEqual(['1', '2', '3']);
});

it('refuses with overloaded beyond either bound of the queue', async () => {
  const { clock, publish } = setUp();
  void publish(0);
  await clock.advance(0);
  for (let n = 1; n <= 5; n++) void publish(n);
  expect(await codeOf(publish(6))).toBe('overloaded');

  const byChars = setUp();
  void byChars.publish(0);
  await byChars.clock.advance(0);
  void byChars.publish(1, 600);
  expect(await codeOf(byChars.publish(2, 600))).toBe('overloaded');
});

it('rejects with a failed batch everything that waited behind it, then works on', async () => {
  const { clock, batches, publish, sent } = setUp();
  const codes = [1, 2, 3, 4].map((n) => codeOf(publish(n)));
  await clock.advance(0);
  await batches[0]?.fail(new BrokerError('timeout', 'too late'));
  expect(await Promise.all(codes)).toEqual(['timeout', 'timeout', 'timeout', 'timeout']);
  const next = publish(5);
  await clock.advance(0);
  await batches[1]?.settle();
  expect((await next).id).toBe('5-0');
  expect(sent()).toEqual(['1,2,3', '5']);
});

it('resolves what was stored and rejects the rest when the store stops inside a batch', async () => {
  const { clock, batches, publish } = setUp();
  const calls = [1, 2, 3, 4].map((n) =>
    publish(n).then(
      ({ id }) => id,
      (error: BrokerError) => error.code,
    ),
  );
  await clock.advance(0);
  await batches[0]?.settle([{ id: '1-0', isDuplicate: false }, new BrokerError('refused', 'no more IDs')]);
  expect(await Promise.all(calls)).toEqual(['1-0', 'refused', 'refused', 'refused']);
});

it('does not send what has waited beyond its deadline', async () => {
  const { clock, batches, publish, sent } = setUp();
  void publish(1);
  await clock.advance(0);
  const late = codeOf(publish(2));
  await clock.advance(1_001);
  const fresh = publish(3);
  await batches[0]?.settle();
  expect(await late).toBe('timeout');
  await batches[1]?.settle();
  expect((await fresh).id).toBe('3-0');
  expect(sent()).toEqual(['1', '3']);
});

it('says when it is idle', async () => {
  const { clock, batches, batcher, publish } = setUp();
  await batcher.idle();
  void publish(1);
  let isIdle = false;
  const idle = batcher.idle().then(() => {
    isIdle = true;
  });
  await clock.advance(0);
  expect(isIdle).toBe(false);
  await batches[0]?.settle();
  await idle;
});
