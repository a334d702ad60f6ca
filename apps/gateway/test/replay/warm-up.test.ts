import { createMemoryBroker, encodePosition, parsePosition, previousEntryId } from '@millrace/broker';
import { append, fakeClock } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { type WarmUpOptions, warmUpFromStreams } from '../../src/replay/warm-up.js';

const streams = [
  { name: 'a', maxLength: 100_000 },
  { name: 'b', maxLength: 100_000 },
];

async function setUp(counts: Readonly<Record<string, number>>, stepMs: number) {
  const clock = fakeClock();
  const broker = createMemoryBroker({ streams, clock });
  await broker.open();
  for (let index = 0; index < Math.max(...Object.values(counts)); index += 1) {
    await clock.advance(stepMs);
    for (const [stream, count] of Object.entries(counts)) {
      if (index < count) await append(broker, { stream, fields: { n: `${stream}${index}` } });
    }
  }
  const handedOver: string[] = [];
  const positions: string[] = [];
  const floors = new Map<string, string>();
  const onEntry: WarmUpOptions['onEntry'] = (_stream, entry, positionOf): void => {
    handedOver.push(entry.fields.n ?? '');
    positions.push(encodePosition(streams.map(({ name }) => positionOf(name))));
  };
  const onFloor = (stream: string, floor: string): void => {
    expect(handedOver).toEqual([]);
    floors.set(stream, floor);
  };
  const newest = async (stream: string) =>
    (await broker.readRange(stream, { count: 1, direction: 'backward' }))[0]?.id ?? '0-0';
  const starts = await Promise.all(
    streams.map(async ({ name }) => ({
      stream: name,
      epoch: '0123abcd',
      cursor: await newest(name),
      timeMs: clock.wallMs(),
      lastId: await newest(name),
      entriesAdded: 0,
    })),
  );
  return { broker, starts, handedOver, positions, floors, callbacks: { onFloor, onEntry } };
}

it('the warm-up reads several pages, and passes on the entries of all streams together, oldest first', async () => {
  const { broker, starts, handedOver, callbacks } = await setUp({ a: 1_200, b: 3 }, 10);
  await warmUpFromStreams(broker, starts, { periodMs: 300_000, maxEntries: 5_000, ...callbacks });
  expect(handedOver).toHaveLength(1_203);
  expect(handedOver.slice(0, 7)).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'a3']);
  expect(handedOver.at(-1)).toBe('a1199');
});

it('the warm-up leaves out entries that are older than the period', async () => {
  const { broker, starts, handedOver, callbacks } = await setUp({ a: 10, b: 0 }, 1_000);
  await warmUpFromStreams(broker, starts, { periodMs: 3_000, maxEntries: 5_000, ...callbacks });
  expect(handedOver).toEqual(['a7', 'a8', 'a9']);
});

it('the warm-up reads only the newest entries if there are more than the maximum number', async () => {
  const { broker, starts, handedOver, callbacks } = await setUp({ a: 700, b: 0 }, 1);
  await warmUpFromStreams(broker, starts, { periodMs: 300_000, maxEntries: 600, ...callbacks });
  expect(handedOver).toHaveLength(600);
  expect(handedOver[0]).toBe('a100');
});

it('the warm-up passes on nothing for empty streams', async () => {
  const { broker, starts, handedOver, callbacks } = await setUp({ a: 0, b: 0 }, 1);
  await warmUpFromStreams(broker, starts, { periodMs: 300_000, maxEntries: 600, ...callbacks });
  expect(handedOver).toEqual([]);
});

it('the warm-up passes on each entry with the position after it', async () => {
  const { broker, starts, positions, floors, callbacks } = await setUp({ a: 2, b: 1 }, 10);
  await warmUpFromStreams(broker, starts, { periodMs: 300_000, maxEntries: 600, ...callbacks });
  const cursors = positions.map((position) => parsePosition(position).map(({ cursor }) => cursor));
  const [a0, a1] = (await broker.readRange('a', { count: 2 })).map(({ id }) => id);
  const [b0] = (await broker.readRange('b', { count: 1 })).map(({ id }) => id);
  expect(floors.get('a')).toBe(previousEntryId(a0 ?? ''));
  expect(cursors).toEqual([
    [a0, floors.get('b')],
    [a0, b0],
    [a1, b0],
  ]);
});

it('the warm-up leaves out rejected entries, even requeued ones, but its positions include them', async () => {
  const { broker, starts, handedOver, positions, callbacks } = await setUp({ a: 1_200, b: 0 }, 1);
  const entries = await broker.readRange('a', { count: 1_000 });
  for (const index of [0, 1, 700]) {
    const entry = entries[index] ?? { id: '', fields: {} };
    await broker.deadLetter({ stream: 'a', entry, reason: 'r', rejectedBy: 'a' });
  }
  const [deadLetter] = await broker.listDeadLetters('a', { count: 1 });
  await broker.requeueDeadLetter('a', deadLetter?.id ?? '');
  await warmUpFromStreams(broker, starts, { periodMs: 300_000, maxEntries: 5_000, ...callbacks });
  expect(handedOver).toHaveLength(1_197);
  expect(handedOver).not.toContain('a0');
  expect(handedOver).not.toContain('a700');
  const cursors = positions.map((position) => parsePosition(position)[0]?.cursor);
  expect([cursors[0], cursors[698]]).toEqual([entries[2]?.id, entries[701]?.id]);
});
