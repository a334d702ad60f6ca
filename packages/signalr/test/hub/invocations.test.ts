/*
 * When a client's invocations run, how they are canceled, refused, filtered, and when the server asks a client.
 */
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import {
  defineHub,
  type Hub,
  HubError,
  type HubFilter,
  isString,
  method,
  parseArguments,
  type SignalRServerOptions,
  streamMethod,
} from '../../src/index.js';
import { type Gate, gate } from '../support/gate.js';
import { type Host, startHost } from '../support/host.js';
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

  test('run strictly in order by default', async () => {
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

  test('run as many at a time as the option says, and the next begins as one ends', async () => {
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

  test('do not keep pings from being read while one runs', async () => {
    const { host, open } = await startGated({ clientTimeoutMs: 5_000, keepAliveIntervalMs: 600_000 });
    await using _host = host;
    await using client = await openRaw(host);
    client.send(call('work', ['a'], '1'));
    for (let index = 0; index < 5; index += 1) {
      client.send(`{"type":6}${RS}`);
      client.send(call('nope', [], `n${index}`));
      await client.next();
      host.clock.advance(3_000);
    }
    await open('a');
    expect(await client.next()).toBe(completion('1', '"result":null'));
  });

  test('can be canceled, and are answered all the same', async () => {
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

  test('of an unauthorized user are refused in words', async () => {
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

  test('are authorized by what they ask for, before any filter and without their uploads', async () => {
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
  ])('tell what failed only when details are enabled: %s', async (enableDetailedErrors, error) => {
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
  });

  test('may leave out the arguments for which the parser of the method has values of its own', async () => {
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

  test('give a method the headers of its message', async () => {
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

describe('filters', () => {
  test('wrap methods and hooks, the server’s outermost, and may replace a result', async () => {
    const log: string[] = [];
    const named = (name: string): HubFilter<unknown> => ({
      async invoke({ method: called, arguments: args }, next) {
        log.push(`${name} ${called}(${args.join()})`);
        const result = await next();
        return `${name}(${String(result)})`;
      },
      async connected(_context, next) {
        log.push(`${name} connected`);
        await next();
      },
      async disconnected(_context, error, next) {
        log.push(`${name} disconnected ${String(error)}`);
        await next();
      },
    });
    await using host = await startHost(
      (server) =>
        server.mapHub(
          '/hub',
          defineHub()({
            filters: [named('hub'), { invoke: (_invocation, next) => next() }],
            onConnected: () => void log.push('connected'),
            onDisconnected: () => void log.push('disconnected'),
            methods: { echo: method(parseArguments(isString), (_context, text) => text) },
          }),
        ),
      { filters: [named('server')] },
    );
    await using client = await openRaw(host);
    client.send(call('ECHO', ['x']));
    expect(await client.next()).toBe(completion('1', '"result":"server(hub(x))"'));
    client.socket.close();
    await host.event('connection_closed');
    expect(log).toEqual([
      'server connected',
      'hub connected',
      'connected',
      'server echo(x)',
      'hub echo(x)',
      'server disconnected undefined',
      'hub disconnected undefined',
      'disconnected',
    ]);
  });

  test('that throw fail the call', async () => {
    const filter: HubFilter<unknown> = {
      invoke() {
        throw new HubError('not today');
      },
    };
    await using host = await startHost((server) =>
      server.mapHub('/hub', defineHub()({ filters: [filter], methods: { a: () => 1 } })),
    );
    await using client = await openRaw(host);
    client.send(call('a'));
    expect(await client.next()).toContain('HubException: not today');
  });
});

interface AskedClient {
  confirm(question: string): boolean;
}

describe('a call of the server on a client', () => {
  function startAsking(): Promise<Host & { readonly hub: Hub<AskedClient> }> {
    let hub: Hub<AskedClient> | undefined;
    return startHost((server) => {
      hub = server.mapHub(
        '/hub',
        defineHub<AskedClient>()({
          methods: {
            ask: method(parseArguments(isString), (context, question) =>
              context.clients.caller.invoke('confirm', question),
            ),
            id: (context) => context.connectionId,
          },
        }),
      );
    }).then((host) => {
      if (hub === undefined) throw new Error('not mapped');
      return Object.assign(host, { hub });
    });
  }

  test('is answered while the method that asks still runs, in its own turn', async () => {
    await using host = await startAsking();
    await using client = await openRaw(host);
    client.send(call('ask', ['sure?'], '1'));
    expect(await client.next()).toBe(
      '{"type":1,"invocationId":"s1","target":"confirm","arguments":["sure?"]}',
    );
    client.send(`{"type":3,"invocationId":"s1","result":true}${RS}`);
    expect(await client.next()).toBe(completion('1', '"result":true'));
  });

  test('fails with the client’s own words', async () => {
    await using host = await startAsking();
    await using client = await openRaw(host);
    client.send(call('ask', ['sure?'], '1'));
    await client.next();
    client.send(`{"type":3,"invocationId":"s1","error":"no idea"}${RS}`);
    expect(await client.next()).toContain('HubException: no idea');
  });

  test('fails when there is no such client, when it leaves, and when the caller gives up', async () => {
    await using host = await startAsking();
    const { clients } = host.hub;
    await expect(clients.client('nobody').invoke('confirm', '?')).rejects.toMatchObject({
      code: 'unknown_connection',
      message: "Connection 'nobody' does not exist.",
    });
    await using client = await openRaw(host);
    client.send(call('id'));
    const id = (JSON.parse(await client.next()) as { result: string }).result;
    const abort = new AbortController();
    const given = clients.client(id).withSignal(abort.signal).invoke('confirm', 'a');
    await client.next();
    abort.abort();
    await expect(given).rejects.toMatchObject({
      code: 'canceled',
      message: 'Invocation canceled by the server.',
    });
    client.send(`{"type":3,"invocationId":"s1","result":true}${RS}`);
    expect(await host.event('message_ignored')).toMatchObject({ messageType: 3 });
    const left = clients.client(id).invoke('confirm', 'b');
    client.socket.close();
    await expect(left).rejects.toMatchObject({
      code: 'disconnected',
      message: `Connection '${id}' disconnected.`,
    });
  });

  test('is not answered by another client', async () => {
    await using host = await startAsking();
    await using asked = await openRaw(host);
    await using other = await openRaw(host);
    asked.send(call('ask', ['sure?'], '1'));
    await asked.next();
    other.send(`{"type":3,"invocationId":"s1","result":true}${RS}`);
    await host.event('message_ignored');
    expect(asked.waiting).toEqual([]);
    asked.send(`{"type":3,"invocationId":"s1","result":false}${RS}`);
    expect(await asked.next()).toBe(completion('1', '"result":false'));
  });

  test('is answered by a client that uploads to the method that asks, or reads its stream', async () => {
    const hub = defineHub<AskedClient>()({
      methods: {
        upload: method(
          parseArguments(),
          async (context, words) => {
            const isSure = await context.clients.caller.invoke('confirm', 'upload?');
            for await (const word of words) return [isSure, word];
            return [];
          },
          { uploads: [isString] },
        ),
        stream: streamMethod(parseArguments(), async function* (context) {
          yield await context.clients.caller.invoke('confirm', 'first?');
          yield await context.clients.caller.invoke('confirm', 'second?');
        }),
      },
    });
    await using host = await startHost((server) => server.mapHub('/hub', hub));
    await using client = await openRaw(host);
    client.send(`{"type":1,"invocationId":"1","target":"upload","arguments":[],"streamIds":["1"]}${RS}`);
    expect(await client.next()).toContain('"invocationId":"s1","target":"confirm"');
    client.send(`{"type":3,"invocationId":"s1","result":true}${RS}`);
    // The upload, whose number is the question's, goes on.
    client.send(`{"type":2,"invocationId":"1","item":"word"}${RS}`);
    expect(await client.next()).toBe(completion('1', '"result":[true,"word"]'));
    client.send(`{"type":4,"invocationId":"2","target":"stream","arguments":[]}${RS}`);
    for (const [id, isSure] of [
      ['s2', true],
      ['s3', false],
    ] as const) {
      expect(await client.next()).toContain(`"invocationId":"${id}","target":"confirm"`);
      client.send(`{"type":3,"invocationId":"${id}","result":${isSure}}${RS}`);
      expect(await client.next()).toBe(`{"type":2,"invocationId":"2","item":${isSure}}`);
    }
    expect(await client.next()).toBe('{"type":3,"invocationId":"2"}');
  });

  test('takes no slot while it waits: others run, however many wait', async () => {
    const hub = defineHub<AskedClient>()({
      methods: {
        ask: method(parseArguments(isString), (context, question) =>
          context.clients.caller.invoke('confirm', question),
        ),
        wait: ({ signal }) => once(signal, 'abort'),
      },
    });
    const limits = { maximumParallelInvocationsPerClient: 2 };
    await using host = await startHost((server) => server.mapHub('/hub', hub), limits);
    await using client = await openRaw(host);
    client.send(call('wait', [], '0'));
    for (const id of ['1', '2', '3']) client.send(call('ask', [id], id));
    for (const id of ['1', '2', '3']) expect(await client.next()).toContain(`"arguments":["${id}"]`);
    for (const id of ['3', '1', '2']) {
      client.send(`{"type":3,"invocationId":"s${id}","result":true}${RS}`);
      expect(await client.next()).toBe(completion(id, '"result":true'));
    }
  });

  test('is refused inside onConnected, where nobody would hear the answer', async () => {
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub<AskedClient>()({
          async onConnected(context) {
            await context.clients.caller.invoke('confirm', '?');
          },
          methods: {},
        }),
      ),
    );
    await using client = await openRaw(host);
    expect(await client.next()).toContain('"type":7');
    expect(await host.event('connection_closed')).toMatchObject({ error: { code: 'not_ready' } });
  });
});
