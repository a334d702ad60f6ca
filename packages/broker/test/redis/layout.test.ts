// The layout of the data in Redis. A broker that does not know the stored layout does not open, and writes nothing.
import { createRedisBroker } from '@millrace/broker';
import { codeOf, SUITE_OPTIONS } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { openBroker, query, sharedRedis } from '../support/redis-fixture.js';

const redis = sharedRedis();

const KEY = 'layout:{signalr-consumers}';

describe('the layout of the keys', () => {
  it.each(['2', '2|more', '10'])(
    'a broker does not open if the stored layout is %j, and its error names the layout',
    async (layout) => {
      await redis.cli('set', KEY, layout);
      const broker = createRedisBroker({ ...SUITE_OPTIONS, url: redis.url });
      expect(await codeOf(broker.open())).toBe('layout_differs');
      await expect(broker.open()).rejects.toThrow(`layout ${JSON.stringify(layout)} (key ${KEY})`);
      await broker.close();
      expect(await query(redis, 'keys', '*')).toEqual([KEY]);
    },
  );

  it.each([
    ['an empty text', ['set', KEY, ''], '""'],
    ['a word', ['set', KEY, 'one'], '"one"'],
    ['no number of a layout', ['set', KEY, '0'], '"0"'],
    ['a negative number', ['set', KEY, '-1'], '"-1"'],
    ['a list', ['rpush', KEY, 'x'], 'a value that is not a string'],
    ['a hash', ['hset', KEY, 'a', 'b'], 'a value that is not a string'],
    ['a stream', ['xadd', KEY, '*', 'a', 'b'], 'a value that is not a string'],
  ])(
    'a broker does not open if the key of the layout holds %s, and its error says what to do',
    async (_what, command, shown) => {
      await redis.cli(...command);
      const broker = createRedisBroker({ ...SUITE_OPTIONS, url: redis.url });
      expect(await codeOf(broker.open())).toBe('layout_differs');
      await expect(broker.open()).rejects.toThrow(
        `The key ${KEY} in Redis holds ${shown}, where Millrace keeps the number of its layout: another program has written it. Delete the key`,
      );
      await broker.close();
      expect(await query(redis, 'keys', '*')).toEqual([KEY]);
    },
  );

  it.each(['1', '1|more'])('a broker opens when the stored layout is %j', async (layout) => {
    await redis.cli('set', KEY, layout);
    await using broker = await openBroker(redis.url);
    await broker.register('a');
    expect(await redis.cli('get', KEY)).toBe(layout);
  });

  it('a broker opens when Redis has no stored layout, and stores none', async () => {
    await using broker = await openBroker(redis.url);
    await broker.register('a');
    expect(await redis.cli('exists', KEY)).toBe('0');
  });

  it('a broker with another consumer group does not open if the stored layout differs, because groups share keys', async () => {
    await redis.cli('set', KEY, '2');
    const broker = createRedisBroker({ ...SUITE_OPTIONS, group: 'others', url: redis.url });
    expect(await codeOf(broker.open())).toBe('layout_differs');
    await broker.close();
  });

  it('a broker with another key prefix opens despite another layout, because it shares no key', async () => {
    await redis.cli('set', KEY, '2');
    await using broker = await openBroker(redis.url, { keyPrefix: 'acme:' });
    expect(broker.state).toBe('ready');
    await redis.cli('set', `acme:${KEY}`, '2');
    const late = createRedisBroker({ ...SUITE_OPTIONS, keyPrefix: 'acme:', url: redis.url });
    expect(await codeOf(late.open())).toBe('layout_differs');
    await late.close();
  });
});
