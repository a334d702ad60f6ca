/*
 * Invocations that a client sends: when they run, and how they are canceled, refused and answered.
 */
import { describe, expect, test } from 'vitest';
import {
  defineHub,
  isString,
  method,
  parseArguments,
  type SignalRServerOptions,
  streamMethod,
} from '../../src/index.js';
import { type Gate, gate } from '../support/gate.js';
import { startHost } from '../support/host.js';
import { call, openRaw, RS } from '../support/raw-client.js';

function completion(id: string, rest: string): string {
  return `{"type":3,"invocationId":"${id}",${rest}}`;
}

describe('invocations of one client', () => {
  async function startGated(options: SignalRServerOptions) {
    const log: string[] = [];
    const gates = new Map<string, Gate>();
    const host = await startHost(
      (server) =>
        server.mapHub(
          '/hub',
          defineHub()({
            methods: {
              async work(_context, name) {
                log.push(`begin ${String(name)}`);
                const own = gate();
                gates.set(String(name), own);
                await own.opened;
                log.push(`end ${String(name)}`);
              },
              echo: (_context, value) => value,
            },
          }),
        ),
      options,
    );
    const open = async (name: string) => {
      await expect.poll(() => gates.has(name)).toBe(true);
      gates.get(name)?.open();
    };
    return { host, log, open };
  }

  test('the invocations of one client are run strictly in order by default', async () => {
    const { host, log, open } = await startGated({});
    await using _host = host;
    await using client = await openRaw(host);
    client.send(call('work', ['a'], '1') + call('work', ['b'], '2') + call('echo', ['c'], '3'));
    await open('a');
    await open('b');
    expect(await client.next()).toBe(completion('1', '"result":null'));
    expect(await client.next()).toBe(completion('2', '"result":null'));
    expect(await client.next()).toBe(completion('3', '"result":"c"'));
    expect(log).toEqual(['begin a', 'end a', 'begin b', 'end b']);
  });

  test('up to 16 waiting calls are prepared at the same time, and run in order before every later message', async () => {
    const log: string[] = [];
    const [first, prepared] = [gate(), gate()];
    const join = method(
      parseArguments(isString),
      async (_context, name) => {
        await (name === '0' ? first.opened : prepared.opened);
        log.push(`join ${name}`);
      },
      {
        prepare(_context, name) {
          log.push(`prepare ${name}`);
          if (name === '3') throw new Error('ignored');
        },
      },
    );
    const items = streamMethod(parseArguments(), function* () {
      log.push('items');
      yield 1;
    });
    await using host = await startHost((server) =>
      server.mapHub('/hub', defineHub()({ methods: { join, items } })),
    );
    await using client = await openRaw(host);
    const names = Array.from({ length: 20 }, (_, n) => String(n));
    const stream = JSON.stringify({ type: 4, invocationId: '20', target: 'items', arguments: [] });
    client.send(`${names.map((name) => call('join', [name], name)).join('')}${stream}${RS}`);
    // The first call runs at once. Of those behind it, 16 are read ahead.
    const ahead = names.slice(1, 17).map((name) => `prepare ${name}`);
    await expect.poll(() => log).toEqual(ahead);
    first.open();
    await expect.poll(() => log).toEqual([...ahead, 'join 0', 'prepare 17']);
    prepared.open();
    for (let id = 0; id < 20; id += 1)
      expect(await client.next()).toBe(completion(String(id), '"result":null'));
    expect(await client.next()).toMatch(/"invocationId":"20"/);
    const done = log.filter((line) => !line.startsWith('prepare'));
    expect(done).toEqual([...names.map((name) => `join ${name}`), 'items']);
  });

  test('a connection runs maximumParallelInvocationsPerClient invocations at a time, and begins the next when one ends', async () => {
    const { host, log, open } = await startGated({ maximumParallelInvocationsPerClient: 2 });
    await using _host = host;
    await using client = await openRaw(host);
    client.send(call('work', ['a'], '1') + call('work', ['b'], '2') + call('work', ['c'], '3'));
    await open('b');
    expect(await client.next()).toBe(completion('2', '"result":null'));
    await open('c');
    expect(await client.next()).toBe(completion('3', '"result":null'));
    await open('a');
    expect(await client.next()).toBe(completion('1', '"result":null'));
    expect(log).toEqual(['begin a', 'begin b', 'end b', 'begin c', 'end c', 'end a']);
  });

  test('pings are read while an invocation runs', async () => {
    const { host, open } = await startGated({ clientTimeoutMs: 5_000, keepAliveIntervalMs: 600_000 });
    await using _host = host;
    await using client = await openRaw(host);
    client.send(call('work', ['a'], '1'));
    for (let index = 0; index < 5; index += 1) {
      client.send(`{"type":6}${RS}`);
      client.send(call('nope', [], `n${index}`));
      await client.next();
      host.clock.pass(3_000);
    }
    await open('a');
    expect(await client.next()).toBe(completion('1', '"result":null'));
  });

  test('a canceled invocation is still answered', async () => {
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            wait: (context) =>
              new Promise((resolve) => {
                context.cancelSignal.addEventListener('abort', () => resolve(context.signal.aborted));
              }),
          },
        }),
      ),
    );
    await using client = await openRaw(host);
    client.send(call('wait', [], '7') + `{"type":5,"invocationId":"7"}${RS}`);
    expect(await client.next()).toBe(completion('7', '"result":false'));
    client.send(call('wait', [], '8') + `{"type":5,"invocationId":"9"}${RS}`);
    expect(await host.event('message_ignored')).toMatchObject({ messageType: 5 });
    client.socket.close();
    await host.event('connection_closed');
  });

  test.each<[string, string]>([
    ['without an invocation id', `{"type":1,"target":"wait","arguments":["a"]}${RS}`],
    ['with the invocation id of another running call', call('wait', ['a'], '7') + call('wait', ['b'], '7')],
  ])('the cancel signal of a call %s is aborted when the connection ends', async (_how, text) => {
    const began: string[] = [];
    const ended: string[] = [];
    const wait = async (cancelSignal: AbortSignal, name: string): Promise<void> => {
      began.push(name);
      await new Promise<void>((resolve) => {
        if (cancelSignal.aborted) resolve();
        cancelSignal.addEventListener('abort', () => resolve(), { once: true });
      });
      ended.push(name);
    };
    await using host = await startHost(
      (server) =>
        server.mapHub(
          '/hub',
          defineHub()({
            methods: {
              wait: (context, name) => wait(context.cancelSignal, String(name)),
            },
          }),
        ),
      { maximumParallelInvocationsPerClient: 3 },
    );
    await using client = await openRaw(host);
    client.send(text);
    await expect.poll(() => began).toHaveLength(text.split('"type":1').length - 1);
    client.socket.close();
    await host.event('connection_closed');
    expect(ended.toSorted()).toEqual(began.toSorted());
  });

  test('an invocation by an unauthorized user is refused with an error text', async () => {
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            no: method(parseArguments(), () => 1, { authorize: () => false }),
            yes: method(parseArguments(), () => 1, { authorize: () => Promise.resolve(true) }),
          },
        }),
      ),
    );
    await using client = await openRaw(host);
    client.send(call('NO'));
    expect(await client.next()).toBe(
      completion('1', `"error":"Failed to invoke 'no' because user is unauthorized"`),
    );
    expect(await host.event('invocation_failed')).toMatchObject({ failure: 'unauthorized', method: 'no' });
    client.send(call('yes'));
    expect(await client.next()).toBe(completion('1', '"result":1'));
  });

  test('authorize receives the arguments of an invocation without its uploads, and runs before any filter', async () => {
    const asked: unknown[] = [];
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub()({
          filters: [{ invoke: (invocation, next) => (asked.push(invocation.method), next()) }],
          methods: {
            close: method(
              parseArguments(isString),
              async (_context, ticket, notes) => {
                for await (const note of notes) ticket += note;
                return ticket;
              },
              {
                uploads: [isString],
                authorize: (context, ticket, ...rest) => {
                  asked.push([context.userId, ticket, rest]);
                  return ticket === 'mine';
                },
              },
            ),
          },
        }),
      ),
    );
    await using client = await openRaw(host);
    client.send(
      `{"type":1,"invocationId":"1","target":"close","arguments":["theirs"],"streamIds":["s"]}${RS}`,
    );
    expect(await client.next()).toBe(
      completion('1', `"error":"Failed to invoke 'close' because user is unauthorized"`),
    );
    client.send(`{"type":1,"invocationId":"2","target":"close","arguments":["mine"],"streamIds":["s"]}${RS}`);
    client.send(`{"type":2,"invocationId":"s","item":"!"}${RS}{"type":3,"invocationId":"s"}${RS}`);
    expect(await client.next()).toBe(completion('2', '"result":"mine!"'));
    expect(asked).toEqual([[null, 'theirs', []], [null, 'mine', []], 'close']);
  });

  test.each([
    [false, `An unexpected error occurred invoking 'broken' on the server.`],
    [true, `An unexpected error occurred invoking 'broken' on the server. TypeError: secret`],
  ])(
    'a failed invocation is answered with the expected error text when enableDetailedErrors is %s',
    async (enableDetailedErrors, error) => {
      await using host = await startHost(
        (server) =>
          server.mapHub(
            '/hub',
            defineHub()({
              methods: {
                broken() {
                  throw new TypeError('secret');
                },
              },
            }),
          ),
        { enableDetailedErrors },
      );
      await using client = await openRaw(host);
      client.send(call('Broken'));
      expect(await client.next()).toBe(completion('1', `"error":${JSON.stringify(error)}`));
    },
  );

  test('an invocation may omit arguments that have defaults in the method’s parser', async () => {
    const parse = ([text, times = 2]: readonly unknown[]): [string, number] => [String(text), Number(times)];
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub()({ methods: { repeat: method(parse, (_context, text, times) => text.repeat(times)) } }),
      ),
    );
    await using client = await openRaw(host);
    client.send(call('repeat', ['ab'], '1') + call('repeat', ['ab', 3], '2'));
    expect(await client.next()).toBe(completion('1', '"result":"abab"'));
    expect(await client.next()).toBe(completion('2', '"result":"ababab"'));
  });

  test('a method receives the headers of its invocation message', async () => {
    await using host = await startHost((server) =>
      server.mapHub('/hub', defineHub()({ methods: { headers: (context) => context.headers } })),
    );
    await using client = await openRaw(host);
    client.send(
      `{"type":1,"headers":{"traceparent":"00-1"},"invocationId":"1","target":"headers","arguments":[]}${RS}${call('headers')}`,
    );
    expect(await client.next()).toBe(completion('1', '"result":{"traceparent":"00-1"}'));
    expect(await client.next()).toBe(completion('1', '"result":{}'));
  });
});

describe('a name that is not a method', () => {
  test.each([
    'onConnected',
    'onDisconnected',
    'toString',
    'constructor',
    'hasOwnProperty',
    '__proto__',
    'methods',
  ])('a call of %s fails, because the hub has no such method', async (name) => {
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
  ])(
    'the errors of onConnected and of a stream have the expected texts when enableDetailedErrors is %s',
    async (enableDetailedErrors, [ofConnected, ofStream]) => {
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
      // The same invocation id can be used again after the failure.
      for (let round = 0; round < 2; round += 1) {
        client.send(`{"type":4,"invocationId":"1","target":"breaks","arguments":[]}${RS}`);
        await client.next();
        expect(JSON.parse(await client.next())).toEqual({ type: 3, invocationId: '1', error: ofStream });
      }
    },
  );
});
