import { createMemoryBroker, encodePosition, parsePosition, previousEntryId } from '@millrace/broker';
import { append, fakeClock } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { type LookBack, recallRecentEntries } from '../../src/replay/warm-up.js';

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
  const recalled: string[] = [];
  const positions: string[] = [];
  const floors = new Map<string, string>();
  const recall: LookBack['recall'] = (_stream, entry, placeOf): void => {
    recalled.push(entry.fields.n ?? '');
    positions.push(encodePosition(streams.map(({ name }) => placeOf(name))));
  };
  const begin = (stream: string, floor: string): void => {
    expect(recalled).toEqual([]);
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
  return { broker, starts, recalled, positions, floors, lookBack: { begin, recall } };
}

it('recalls the window, oldest first over all streams, over several pages', async () => {
  const { broker, starts, recalled, lookBack } = await setUp({ a: 1_200, b: 3 }, 10);
  await recallRecentEntries(broker, starts, { windowMs: 300_000, maxEntries: 5_000, ...lookBack });
  expect(recalled).toHaveLength(1_203);
  expect(recalled.slice(0, 7)).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'a3']);
  expect(recalled.at(-1)).toBe('a1199');
});

it('leaves out what is older than the window', async () => {
  const { broker, starts, recalled, lookBack } = await setUp({ a: 10, b: 0 }, 1_000);
  await recallRecentEntries(broker, starts, { windowMs: 3_000, maxEntries: 5_000, ...lookBack });
  expect(recalled).toEqual(['a7', 'a8', 'a9']);
});

it('reads the newest when there is more than it may', async () => {
  const { broker, starts, recalled, lookBack } = await setUp({ a: 700, b: 0 }, 1);
  await recallRecentEntries(broker, starts, { windowMs: 300_000, maxEntries: 600, ...lookBack });
  expect(recalled).toHaveLength(600);
  expect(recalled[0]).toBe('a100');
});

it('reads nothing of empty streams', async () => {
  const { broker, starts, recalled, lookBack } = await setUp({ a: 0, b: 0 }, 1);
  await recallRecentEntries(broker, starts, { windowMs: 300_000, maxEntries: 600, ...lookBack });
  expect(recalled).toEqual([]);
});

it('gives each entry the position of a client that has been sent it', async () => {
  const { broker, starts, positions, floors, lookBack } = await setUp({ a: 2, b: 1 }, 10);
  await recallRecentEntries(broker, starts, { windowMs: 300_000, maxEntries: 600, ...lookBack });
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

it('leaves out what was rejected, also when it was replayed since, and keeps its place in the positions', async () => {
  const { broker, starts, recalled, positions, lookBack } = await setUp({ a: 1_200, b: 0 }, 1);
  const entries = await broker.readRange('a', { count: 1_000 });
  for (const index of [0, 1, 700]) {
    const entry = entries[index] ?? { id: '', fields: {} };
    await broker.deadLetter({ stream: 'a', entry, reason: 'r', rejectedBy: 'a' });
  }
  const [letter] = await broker.listDeadLetters('a', { count: 1 });
  await broker.replayDeadLetter('a', letter?.id ?? '');
  await recallRecentEntries(broker, starts, { windowMs: 300_000, maxEntries: 5_000, ...lookBack });
  expect(recalled).toHaveLength(1_197);
  expect(recalled).not.toContain('a0');
  expect(recalled).not.toContain('a700');
  const cursors = positions.map((position) => parsePosition(position)[0]?.cursor);
  expect([cursors[0], cursors[698]]).toEqual([entries[2]?.id, entries[701]?.id]);
});
