/* Integers beyond ±(2^53 − 1): exact with the option `bigint`, otherwise refused. They are never changed silently. */
import { describe, expect, test } from 'vitest';
import { defineHub } from '../../src/index.js';
import { startHost } from '../support/host.js';
import { openClient } from '../support/protocol-client.js';
import { call, openRaw } from '../support/raw-client.js';

const seen: unknown[] = [];
const hub = defineHub()({
  methods: {
    echo: (_context, ...values) => {
      seen.push(...values);
      return values[0];
    },
  },
});

const startHubs = () =>
  startHost((server) => {
    server.mapHub('/exact', hub, { bigint: true });
    server.mapHub('/plain', hub);
  });

const invocation = (args: string): string =>
  `{"type":1,"invocationId":"1","target":"echo","arguments":[${args}]}\u001e`;

describe('integers beyond 2^53 in JSON', () => {
  test.each([
    '9007199254740993',
    '-9007199254740993',
    '9223372036854775807',
    '-9223372036854775808',
    '18446744073709551615',
    '{"id":9007199254740993,"list":[1,9007199254740995],"text":"9007199254740993"}',
    '[[9007199254740993]]',
  ])('a hub with the option bigint returns %s as it was sent', async (text) => {
    await using host = await startHubs();
    await using client = await openRaw(host, '/exact');
    client.send(invocation(text));
    expect(await client.next()).toContain(`"result":${text}`);
  });

  test.each([
    ['9007199254740993', 1],
    ['1,{"id":[9007199254740993]}', 2],
    ['1,2,-9223372036854775808', 3],
    ['123456789012345678901234567890', 1],
  ])(
    'a hub without the option bigint refuses %s, names the argument, and keeps the connection',
    async (args, place) => {
      await using host = await startHubs();
      await using client = await openRaw(host, '/plain');
      seen.length = 0;
      client.send(invocation(args));
      const answer = await client.next();
      expect(answer).toContain(`Argument ${place} is too large`);
      expect(answer).not.toContain('"result"');
      expect(seen).toEqual([]);
      client.send(call('echo', [1]));
      expect(await client.next()).toContain('"result":1');
    },
  );

  test('a result with an integer of more than 64 bits fails, so that the integer is never changed', async () => {
    await using host = await startHubs();
    await using client = await openRaw(host, '/exact');
    client.send(invocation('123456789012345678901234567890'));
    expect(await client.next()).toContain('"error"');
    expect(seen.at(-1)).toBe(123456789012345678901234567890n);
  });

  test.each(['9007199254740991', '-9007199254740991', '1.0', '0.1234567890123456789', '1e3'])(
    'the number %s is a JavaScript number with and without the option bigint',
    async (text) => {
      await using host = await startHubs();
      for (const path of ['/exact', '/plain']) {
        await using client = await openRaw(host, path);
        client.send(invocation(text));
        expect(await client.next()).toContain(`"result":${JSON.stringify(JSON.parse(text))}`);
      }
    },
  );
});

describe('integers beyond 2^53 in MessagePack', () => {
  const integers = [2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n];

  test.each(integers)('a hub with the option bigint returns %s as it was sent', async (integer) => {
    await using host = await startHubs();
    await using client = await openClient(host, 'messagepack', '/exact');
    expect(await client.invoke('echo', integer)).toBe(integer);
    expect(await client.invoke('echo', { list: [integer] })).toEqual({ list: [integer] });
    expect(seen.slice(-2)).toEqual([integer, { list: [integer] }]);
  });

  test.each(integers)(
    'a hub without the option bigint refuses %s, and keeps the connection',
    async (integer) => {
      await using host = await startHubs();
      await using client = await openClient(host, 'messagepack', '/plain');
      seen.length = 0;
      await expect(client.invoke('echo', integer)).rejects.toThrow('Argument 1 is too large');
      await expect(client.invoke('echo', 1, [integer])).rejects.toThrow('Argument 2 is too large');
      expect(seen).toEqual([]);
      expect(await client.invoke('echo', 2 ** 53 - 1)).toBe(2 ** 53 - 1);
    },
  );
});
