/*
 * What uploads may carry, and what becomes of them when nobody looks at them.
 */
import { describe, expect, test } from 'vitest';
import { defineHub, method, parseArguments } from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { call, openRaw } from '../support/raw-client.js';
import { end, item, upload } from '../support/upload.js';

function isAny(_value: unknown): _value is unknown {
  return true;
}

async function read(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const one of items) all.push(one);
  return all;
}

function start(): Promise<Host> {
  const definition = defineHub()({
    methods: {
      list: method(parseArguments(), (_context, items) => read(items), { uploads: [isAny] }),
      nothing: method(parseArguments(), (_context, _items) => {}, { uploads: [isAny] }),
      plain: () => 1,
    },
  });
  return startHost((server) => server.mapHub('/hub', definition), { streamBufferCapacity: 1 });
}

describe('an upload', () => {
  test('carries objects as they were sent', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    const items = [
      { name: 'ann', score: 322 },
      { name: 'bob', score: [1, null] },
    ];
    client.send(upload('list', ['s'], '1') + items.map((one) => item('s', one)).join('') + end('s'));
    expect(JSON.parse(await client.next())).toEqual({ type: 3, invocationId: '1', result: items });
  });

  test('that its method does not look at ends with it, and the connection goes on', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    client.send(
      upload('nothing', ['s'], '1') + item('s', 'late') + item('s', 'later') + call('plain', [], '2'),
    );
    expect(await client.next()).toBe('{"type":3,"invocationId":"1","result":null}');
    expect(await client.next()).toBe('{"type":3,"invocationId":"2","result":1}');
    expect(host.events.filter(({ type }) => type === 'message_ignored')).toHaveLength(2);
  });
});
