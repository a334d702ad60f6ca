/*
 * The items of uploads, and uploads that no method reads.
 */
import { describe, expect, test } from 'vitest';
import { defineHub, isString, method, parseArguments, streamMethod } from '../../src/index.js';
import { gate } from '../support/gate.js';
import { type Host, startHost } from '../support/host.js';
import { call, openRaw, RS } from '../support/raw-client.js';
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
  test('an upload carries objects unchanged', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    const items = [
      { name: 'ann', score: 322 },
      { name: 'bob', score: [1, null] },
    ];
    client.send(upload('list', ['s'], '1') + items.map((one) => item('s', one)).join('') + end('s'));
    expect(JSON.parse(await client.next())).toEqual({ type: 3, invocationId: '1', result: items });
  });

  test('an upload that its method ignores ends with the method, and the connection continues', async () => {
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

describe('uploads', () => {
  async function read(letters: AsyncIterable<string>): Promise<string> {
    let word = '';
    for await (const letter of letters) word += letter;
    return word;
  }

  const join = method(parseArguments(), (_context, letters) => read(letters), { uploads: [isString] });

  test('each call receives its own upload when the uploads of several calls overlap', async () => {
    await using host = await startHost((server) => server.mapHub('/hub', defineHub()({ methods: { join } })));
    await using client = await openRaw(host);
    const words = ['zygote', 'qwerty', 'abc'];
    for (const [index] of words.entries()) client.send(upload('join', [`s${index}`], String(index)));
    for (let at = 0; at < 6; at += 1) {
      for (const [index, word] of words.entries()) {
        if (at < word.length) client.send(item(`s${index}`, word[at]));
      }
    }
    for (const index of [1, 2, 0]) {
      client.send(end(`s${index}`));
      expect(JSON.parse(await client.next())).toMatchObject({
        invocationId: `${index}`,
        result: words[index],
      });
    }
  });

  test('the items of an upload wait until the call is authorized, and no item is lost', async () => {
    const allowed = gate();
    const asked = gate();
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            join: method(parseArguments(), (_context, letters) => read(letters), {
              uploads: [isString],
              async authorize() {
                asked.open();
                await allowed.opened;
                return true;
              },
            }),
          },
        }),
      ),
    );
    await using client = await openRaw(host);
    client.send(upload('join', ['s'], '1'));
    await asked.opened;
    client.send(item('s', 'a') + item('s', 'b') + end('s'));
    for (let round = 0; round < 3; round += 1) await fetch(`${host.url}/x`);
    allowed.open();
    expect(await client.next()).toBe('{"type":3,"invocationId":"1","result":"ab"}');
  });

  test('the upload of a call without an invocation id is read, and no answer is sent', async () => {
    const got: string[] = [];
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            keep: method(
              parseArguments(),
              async (_context, letters) => {
                for await (const letter of letters) got.push(letter);
                got.push('end');
              },
              { uploads: [isString] },
            ),
            plain: () => 1,
          },
        }),
      ),
    );
    await using client = await openRaw(host);
    client.send(upload('keep', ['s']) + item('s', 'a') + item('s', 'b') + end('s'));
    await expect.poll(() => got).toEqual(['a', 'b', 'end']);
    client.send(call('plain'));
    expect(await client.next()).toContain('"result":1');
    expect(client.waiting).toEqual([]);
  });

  test('the upload items that a streaming method leaves unread are dropped when the method ends', async () => {
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            one: streamMethod(
              parseArguments(),
              async function* (_context, letters) {
                for await (const letter of letters) {
                  yield letter;
                  return;
                }
              },
              { uploads: [isString] },
            ),
          },
        }),
      ),
    );
    await using client = await openRaw(host);
    // The second round uses the same ids, which proves that no state of the first round is left.
    for (let round = 0; round < 2; round += 1) {
      client.send(`{"type":4,"invocationId":"1","target":"one","arguments":[],"streamIds":["s"]}${RS}`);
      client.send(item('s', 'first'));
      expect(await client.next()).toBe('{"type":2,"invocationId":"1","item":"first"}');
      expect(await client.next()).toBe('{"type":3,"invocationId":"1"}');
      client.send(item('s', 'unread') + end('s'));
    }
    await expect.poll(() => host.events.filter(({ type }) => type === 'message_ignored')).toHaveLength(4);
  });
});
