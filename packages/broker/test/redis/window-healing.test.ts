// The keys of coalescing windows have values that Millrace has not written. The broker removes and reports these values. The
// windows then work again.
import { createRedisBroker } from '@millrace/broker';
import { append, CHAT, SUITE_OPTIONS, until } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { sharedRedis } from '../support/redis-fixture.js';

const NAME = { roomId: 'room', slot: 'typing' };
const KEY = 'coalesce:room:typing';
const INDEX = 'coalesce-due:typing';

const redis = sharedRedis();

async function openWindows() {
  const healed: string[] = [];
  const broker = createRedisBroker({
    ...SUITE_OPTIONS,
    url: redis.url,
    onHealed: (key) => healed.push(key),
  });
  await broker.open();
  return { broker, windows: broker.windows, healed, [Symbol.asyncDispose]: () => broker.close() };
}

const lasting = { windowMs: 10, stream: CHAT };
const claim = { token: 'mine', leaseMs: 1_000, isForced: true };

describe.each([
  ['a string', ['set', KEY, 'x']],
  ['a list', ['lpush', KEY, 'x']],
  ['a sorted set', ['zadd', KEY, '1', 'x']],
  ['a stream', ['xadd', KEY, '*', 'a', 'b']],
])('%s at a window', (_, garbage) => {
  it('a value of the wrong type at a window’s key is removed when the next input opens the window', async () => {
    await redis.cli(...garbage);
    await using opened = await openWindows();
    const { windows, healed } = opened;
    const added = await windows.add(NAME, [{ id: '1', text: '{"n":1}' }], lasting);
    expect(added).toMatchObject({ isOpened: true, outcomes: ['added'] });
    expect(healed).toEqual([KEY]);
    expect(await windows.claim(NAME, claim)).toMatchObject({
      status: 'claimed',
      inputs: [{ text: '{"n":1}' }],
    });
    expect(await windows.commit(NAME, 'mine')).toBe(true);
  });

  it.each(['claim', 'renew', 'commit'] as const)(
    'a value of the wrong type at a window’s key does not make %s() fail',
    async (step) => {
      await redis.cli(...garbage);
      await using opened = await openWindows();
      const { windows, healed } = opened;
      if (step === 'claim') expect(await windows.claim(NAME, claim)).toEqual({ status: 'idle' });
      if (step === 'renew') expect(await windows.renew(NAME, 'mine', 1_000)).toBe(false);
      if (step === 'commit') expect(await windows.commit(NAME, 'mine')).toBe(false);
      expect(healed).toEqual([KEY]);
    },
  );

  it('a value of the wrong type at a window’s key does not prevent the append of an ending entry', async () => {
    await redis.cli(...garbage);
    await using opened = await openWindows();
    const ends = { window: NAME, key: 'k', timestamp: '' };
    const { id } = await append(opened.broker, { stream: CHAT, fields: { a: 'b' }, ends });
    expect((await opened.broker.readRange(CHAT, { count: 10 })).map((entry) => entry.id)).toEqual([id]);
  });
});

describe.each([
  [
    'garbage in every field',
    [
      'd',
      'x',
      'n',
      'x',
      'b',
      'x',
      'f',
      'x',
      'g',
      'x',
      'a',
      'x',
      't',
      'x',
      'l',
      'x',
      'm',
      'x',
      'ix',
      'x',
      'ex',
      'x',
    ],
  ],
  ['a flush without its endings', ['d', '1', 'n', 'x', 'f', 'x', 'l', '4102444800000']],
  ['a time in the next century', ['d', '4102444800000', 'n', '0', 'b', '0']],
  ['a time that is far too large', ['d', '99999999999999999999999999', 'n', '1']],
  ['a flush that ends in the next century', ['f', '1 {}', 'g', '', 't', 'other', 'l', '4102444800000']],
  ['a time long ago', ['d', '5', 'n', '0', 'b', '0']],
  ['as many inputs as a window may have', ['d', '5', 'n', '1024', 'b', '0']],
])('a window with %s', (_, fields) => {
  it('a window with invalid fields accepts an input, and the reply asks the caller to flush the window', async () => {
    await redis.cli('hset', KEY, ...fields);
    await using opened = await openWindows();
    const { windows } = opened;
    let added = await windows.add(NAME, [{ id: '1', text: '{"n":1}' }], lasting);
    const inputs: string[] = [];
    const flush = async (): Promise<void> => {
      const claimed = await windows.claim(NAME, claim);
      if (claimed.status !== 'claimed') return;
      inputs.push(...claimed.inputs.map(({ text }) => text));
      await windows.commit(NAME, claim.token);
    };
    expect(added.isOpened).toBe(true);
    if (added.outcomes[0] === 'full') {
      await flush();
      added = await windows.add(NAME, [{ id: '1', text: '{"n":1}' }], lasting);
    }
    // If the first run of the step found an impossible time, the step ran again. The input was then a repeat.
    expect(['added', 'repeat']).toContain(added.outcomes[0]);
    await until(async () => {
      await flush();
      return inputs.includes('{"n":1}');
    });
  });
});

it('a hash with 20,000 fields at a window’s key is removed completely', async () => {
  const fill =
    "for i = 1, 20000 do redis.call('HSET', KEYS[1], 'i' .. i, i .. ' {}') end redis.call('HSET', KEYS[1], 'd', 5)";
  await redis.cli('eval', fill, '1', KEY);
  await using opened = await openWindows();
  const { windows, healed } = opened;
  expect(await windows.claim(NAME, claim)).toEqual({ status: 'idle' });
  expect(healed).toEqual([KEY]);
});

describe('an index of another type', () => {
  it('an index key of the wrong type is removed when the next input is added to a window', async () => {
    await redis.cli('set', INDEX, 'x');
    await using opened = await openWindows();
    const { windows, healed } = opened;
    const added = await windows.add(NAME, [{ id: '1', text: '{"n":1}' }], lasting);
    expect(added).toMatchObject({ isOpened: true, outcomes: ['added'] });
    expect(healed).toEqual([KEY]);
    await until(async () => (await windows.overdue('typing', { graceMs: 0, count: 10 })).length === 1);
  });

  it('two callers that are refused at the same time both succeed, although only one of them removes the index', async () => {
    await redis.cli('set', INDEX, 'x');
    await using opened = await openWindows();
    const { windows, healed } = opened;
    const other = { ...NAME, roomId: 'other' };
    const added = await Promise.all(
      [NAME, other].map((name) => windows.add(name, [{ id: '1', text: '{"n":1}' }], lasting)),
    );
    expect(added.map(({ outcomes }) => outcomes)).toEqual([['added'], ['added']]);
    expect(healed).toHaveLength(1);
  });

  it('two searches that are refused at the same time both succeed', async () => {
    await redis.cli('set', INDEX, 'x');
    await using opened = await openWindows();
    const search = () => opened.windows.overdue('typing', { graceMs: 0, count: 10 });
    expect(await Promise.all([search(), search()])).toEqual([[], []]);
    expect(opened.healed).toEqual([INDEX]);
  });

  it('an index key of the wrong type makes neither commit() nor overdue() fail', async () => {
    await using opened = await openWindows();
    const { windows } = opened;
    await windows.add(NAME, [{ id: '1', text: '{"n":1}' }], lasting);
    await windows.claim(NAME, claim);
    await redis.cli('del', INDEX);
    await redis.cli('set', INDEX, 'x');
    expect(await windows.commit(NAME, 'mine')).toBe(true);
    await redis.cli('set', INDEX, 'x');
    expect(await windows.overdue('typing', { graceMs: 0, count: 10 })).toEqual([]);
    expect(await redis.cli('exists', INDEX)).toBe('0');
  });
});

it('a member of the index that is not a window’s key is removed, and hides no overdue window', async () => {
  await using opened = await openWindows();
  const { windows } = opened;
  await windows.add(NAME, [{ id: '1', text: '{"n":1}' }], lasting);
  const score = await redis.cli('zscore', INDEX, KEY);
  for (let n = 0; n < 8; n++)
    await redis.cli('zadd', INDEX, String(Number(score) - 1_000 - n), `garbage ${n}`);
  await until(async () => (await windows.overdue('typing', { graceMs: 0, count: 4 })).length === 1);
  expect(await redis.cli('zcard', INDEX)).toBe('1');
});
