/*
 * What a hub's clients can rely on in the less usual cases: names that are none, leaving half way, sends from
 * anywhere, uploads that overlap.
 */
import { once } from 'node:events';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  type ClientProxy,
  defineHub,
  type Hub,
  isString,
  method,
  parseArguments,
  streamMethod,
} from '../../src/index.js';
import { gate } from '../support/gate.js';
import { startHost } from '../support/host.js';
import { call, connectRaw, HANDSHAKE, openRaw, RS } from '../support/raw-client.js';
import { end, item, upload } from '../support/upload.js';

interface Client {
  note(value: unknown): void;
  confirm(question: string): boolean;
}

/** Until it is disposed of, uncaught errors do not end the test run, and are handed over. */
function takeUncaught(take: (error: unknown) => void): AsyncDisposable {
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', take);
  return {
    async [Symbol.asyncDispose]() {
      process.off('uncaughtException', take);
      for (const listener of others) process.on('uncaughtException', listener);
    },
  };
}

describe('a name that is no method', () => {
  test.each([
    'onConnected',
    'onDisconnected',
    'toString',
    'constructor',
    'hasOwnProperty',
    '__proto__',
    'methods',
  ])('%s does not exist for clients', async (name) => {
    const calls: string[] = [];
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub()({
          onConnected: () => void calls.push('connected'),
          onDisconnected: () => void calls.push('disconnected'),
          methods: {},
        }),
      ),
    );
    await using client = await openRaw(host);
    const error = `Failed to invoke '${name}' due to an error on the server. HubException: Method does not exist.`;
    client.send(call(name));
    expect(JSON.parse(await client.next())).toEqual({ type: 3, invocationId: '1', error });
    client.send(`{"type":4,"invocationId":"2","target":"${name}","arguments":[]}${RS}`);
    expect(JSON.parse(await client.next())).toEqual({ type: 3, invocationId: '2', error });
    expect(calls).toEqual(['connected']);
  });
});

describe('a client that leaves', () => {
  test.each([
    ['before it has said anything', ''],
    ['in the middle of its handshake', HANDSHAKE.slice(0, 20)],
  ])('%s was never there', async (_, text) => {
    const calls: string[] = [];
    let hub: Hub<Client> | undefined;
    await using host = await startHost((server) => {
      hub = server.mapHub(
        '/hub',
        defineHub<Client>()({
          onConnected: () => void calls.push('connected'),
          onDisconnected: () => void calls.push('disconnected'),
          methods: {},
        }),
      );
    });
    await using client = await connectRaw(host);
    client.send(text);
    client.socket.close();
    expect(await client.closed).toBe(1000);
    expect(await host.event('handshake_failed')).toMatchObject({ reason: 'closed' });
    expect([calls, client.waiting, hub?.connections.count]).toEqual([[], [], 0]);
    await expect.poll(() => host.clock.timerCount).toBe(0);
  });

  test.each([
    ['onConnected', 'connected_failed'],
    ['onDisconnected', 'client_closed'],
  ] as const)('is forgotten even when %s fails', async (hook, reason) => {
    let hub: Hub<Client> | undefined;
    await using host = await startHost((server) => {
      const fail = (): never => {
        throw new Error('on purpose');
      };
      hub = server.mapHub(
        '/hub',
        defineHub<Client>()({
          onConnected({ groups }) {
            groups.add('room');
            if (hook === 'onConnected') fail();
          },
          onDisconnected: fail,
          methods: {},
        }),
      );
    });
    await using client = await openRaw(host);
    client.socket.close();
    expect(await host.event('disconnected_hook_failed')).toMatchObject({ error: { message: 'on purpose' } });
    expect(await host.event('connection_closed')).toMatchObject({ reason });
    expect([hub?.connections.count, hub?.groups.names()]).toEqual([0, []]);
  });

  test('reaches onDisconnected although a listener of its signal throws, which is uncaught as all over Node', async () => {
    const [calls, uncaught]: [string[], unknown[]] = [[], []];
    await using _caught = takeUncaught((error) => uncaught.push(error));
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub<Client>()({
          onConnected({ signal }) {
            signal.addEventListener('abort', () => {
              throw new Error('on purpose');
            });
          },
          onDisconnected: () => void calls.push('disconnected'),
          methods: {},
        }),
      ),
    );
    await using client = await openRaw(host);
    client.socket.close();
    await host.event('connection_closed');
    await expect.poll(() => uncaught).toMatchObject([{ message: 'on purpose' }]);
    expect(calls).toEqual(['disconnected']);
  });

  test('cannot be asked anything in its onDisconnected', async () => {
    const errors: unknown[] = [];
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub<Client>()({
          async onDisconnected({ clients }) {
            await clients.caller.invoke('confirm', 'stay?').catch((error: unknown) => errors.push(error));
          },
          methods: {},
        }),
      ),
    );
    await using client = await openRaw(host);
    client.socket.close();
    await host.event('connection_closed');
    expect(errors).toMatchObject([{ code: 'disconnected' }]);
  });

  test('is noticed by a method that waits for nothing else', async () => {
    const begun = gate();
    const done = gate();
    let hub: Hub<Client> | undefined;
    await using host = await startHost((server) => {
      hub = server.mapHub(
        '/hub',
        defineHub<Client>()({
          methods: {
            wait: async ({ signal }) => {
              begun.open();
              await once(signal, 'abort');
              done.open();
            },
          },
        }),
      );
    });
    await using client = await openRaw(host);
    client.send(call('wait') + call('wait', [], '2'));
    await begun.opened;
    void hub?.connections.abort(hub.connections.list()[0]?.connectionId ?? '');
    expect(await client.next()).toBe('{"type":7}');
    await done.opened;
    await client.closed;
    expect(client.waiting).toEqual([]);
  });
});

describe('a message over the limit', () => {
  test('does not take those before it along, when they come in one piece', async () => {
    const [first, second, third] = [call('echo', ['one']), call('echo', ['two']), call('echo', ['three'])];
    await using host = await startHost(
      (server) => server.mapHub('/hub', defineHub()({ methods: { echo: (_context, value) => value } })),
      { maximumReceiveMessageBytes: first.length + 1 },
    );
    await using client = await openRaw(host);
    client.send(first + second + third);
    expect(await client.next()).toContain('"result":"one"');
    expect(await client.next()).toContain('"result":"two"');
    expect(await client.next()).toContain('"type":7');
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
  });
});

describe('a silent client', () => {
  test('is given up while a method of it runs, when another one could run', async () => {
    await using host = await startHost(
      (server) =>
        server.mapHub('/hub', defineHub()({ methods: { wait: ({ signal }) => once(signal, 'abort') } })),
      { maximumParallelInvocationsPerClient: 2, clientTimeoutMs: 5_000, keepAliveIntervalMs: 600_000 },
    );
    await using client = await openRaw(host);
    client.send(`{"type":6}${RS}${call('wait')}${call('nope', [], '2')}`);
    await client.next();
    host.clock.advance(7_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_timeout' });
  });
});

describe('details of errors', () => {
  test.each([
    [false, ['Connection closed with an error.', 'An error occurred on the server while streaming results.']],
    [
      true,
      [
        'Connection closed with an error. TypeError: no entry',
        'An error occurred on the server while streaming results. TypeError: half way',
      ],
    ],
  ])('are told where they are enabled: %s', async (enableDetailedErrors, [ofConnected, ofStream]) => {
    await using host = await startHost(
      (server) =>
        server.mapHub(
          '/hub',
          defineHub()({
            onConnected({ request }) {
              if (request.query.has('refused')) throw new TypeError('no entry');
            },
            methods: {
              breaks: streamMethod(parseArguments(), async function* () {
                yield 1;
                throw new TypeError('half way');
              }),
            },
          }),
        ),
      { enableDetailedErrors },
    );
    await using refused = await openRaw(host, '/hub?refused=1');
    expect(JSON.parse(await refused.next())).toEqual({ type: 7, error: ofConnected });
    await using client = await openRaw(host);
    // The id is free again after the failure.
    for (let round = 0; round < 2; round += 1) {
      client.send(`{"type":4,"invocationId":"1","target":"breaks","arguments":[]}${RS}`);
      await client.next();
      expect(JSON.parse(await client.next())).toEqual({ type: 3, invocationId: '1', error: ofStream });
    }
  });
});

describe('a send', () => {
  test('to the caller goes on working after its method has returned', async () => {
    let kept: ClientProxy<Client> | undefined;
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub<Client>()({ methods: { keep: ({ clients }) => void (kept = clients.caller) } }),
      ),
    );
    await using client = await openRaw(host);
    client.send(call('keep'));
    await client.next();
    expect(kept?.send('note', 'later')).toBe(1);
    expect(await client.next()).toBe('{"type":1,"target":"note","arguments":["later"]}');
    client.socket.close();
    await host.event('connection_closed');
    expect(kept?.send('note', 'too late')).toBe(0);
  });

  test('of a method that has waited reaches another client', async () => {
    const definition = defineHub<Client>()({
      methods: {
        me: ({ connectionId }) => connectionId,
        async sendLater({ clients }, other) {
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
          clients.client(String(other)).send('note', 'later');
        },
      },
    });
    await using host = await startHost((server) => server.mapHub('/hub', definition));
    await using first = await openRaw(host);
    await using second = await openRaw(host);
    first.send(call('me'));
    const { result } = JSON.parse(await first.next()) as { result: string };
    second.send(call('sendLater', [result]));
    expect(await first.next()).toBe('{"type":1,"target":"note","arguments":["later"]}');
    expect(await second.next()).toBe('{"type":3,"invocationId":"1","result":null}');
  });

  test('of one client’s onConnected reaches another', async () => {
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub<Client>()({
          onConnected({ clients, request }) {
            const other = request.query.get('other');
            if (other !== undefined) clients.client(other).send('note', 'hello');
          },
          methods: { me: ({ connectionId }) => connectionId },
        }),
      ),
    );
    await using first = await openRaw(host);
    first.send(call('me'));
    const { result } = JSON.parse(await first.next()) as { result: string };
    await using _second = await openRaw(host, `/hub?other=${result}`);
    expect(await first.next()).toBe('{"type":1,"target":"note","arguments":["hello"]}');
  });

  test('reaches clients of both protocols with the same values', async () => {
    let hub: Hub<Client> | undefined;
    await using host = await startHost((server) => {
      hub = server.mapHub('/hub', defineHub<Client>()({ methods: {} }));
    });
    await using text = await openRaw(host);
    const binary = new WebSocket(`${host.url.replace('http', 'ws')}/hub`);
    await once(binary, 'open');
    binary.send(HANDSHAKE.replace('json', 'messagepack'));
    await once(binary, 'message');
    // What one of them cannot carry reaches neither.
    expect(() => hub?.clients.all.send('note', [2n ** 64n])).toThrow(
      expect.objectContaining({ code: 'unserializable' }),
    );
    expect(hub?.clients.all.send('note', [1, 'two', null, { three: 3 }, 2n ** 40n])).toBe(2);
    const [bytes] = (await once(binary, 'message')) as [Buffer];
    const body = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    const [message] = new MessagePackHubProtocol().parseMessages(body, { log() {} });
    const { target, arguments: args } = JSON.parse(await text.next()) as Record<string, unknown>;
    expect(message).toMatchObject({ target, arguments: args });
    binary.terminate();
    await once(binary, 'close');
  });
});

describe('uploads', () => {
  async function read(letters: AsyncIterable<string>): Promise<string> {
    let word = '';
    for await (const letter of letters) word += letter;
    return word;
  }

  const join = method(parseArguments(), (_context, letters) => read(letters), { uploads: [isString] });

  test('of several calls may overlap, and each call gets its own', async () => {
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

  test('wait for a method that is not authorized yet, and nothing of them is lost', async () => {
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

  test('of a call without an id are read, and nobody is answered', async () => {
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

  test('that a stream’s method leaves unread are dropped when it ends', async () => {
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
    // The same ids again: nothing is left of the first time.
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
