/* Listeners: connections that only receive, through a route of the application. */
import type { RequestListener, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import {
  defineHub,
  type HubListeners,
  type ListenerEncoding,
  ListenerPoll,
  ListenerStream,
  type MapHubOptions,
  parseRequestTarget,
  type RequestInfo,
  requestInfoOf,
  type SignalRServer,
} from '../../src/index.js';
import { startHost } from '../support/host.js';

interface Client {
  note(value: unknown): void;
}

const encoding: ListenerEncoding = {
  name: 'lines',
  writeCall: (target, args) => `${target} ${args.join(' ')}\n`,
  writePing: () => 'ping\n',
  writeClose: (mayReconnect) => `close ${mayReconnect}\n`,
};

const hub = defineHub<Client, undefined>()({
  onConnected({ groups, protocol }) {
    groups.add(`speaks ${protocol}`);
  },
  methods: {},
});

type Listeners = HubListeners<Client, undefined, Record<string, unknown>>;

/** Starts a server whose other requests are handled by `serve`. */
async function start(
  serve: (listeners: Listeners, request: RequestInfo, response: ServerResponse) => void,
  options: MapHubOptions<undefined> = {},
) {
  let mapped: ReturnType<typeof map> | undefined;
  const map = (server: SignalRServer) => server.mapHub('/hub', hub, options);
  const onRequest: RequestListener = (request, response) => {
    if (mapped === undefined) throw new Error('no hub');
    serve(mapped.listeners, requestInfoOf(request, parseRequestTarget(request.url)), response);
  };
  const host = await startHost(
    (server) => {
      mapped = map(server);
    },
    {},
    onRequest,
  );
  if (mapped === undefined) throw new Error('no hub');
  return Object.assign(host, { hub: mapped });
}

const identity = { userId: 'ana', user: undefined };

function stream(listeners: Listeners, request: RequestInfo, response: ServerResponse, group = 'room'): void {
  const output = new ListenerStream(response, { headers: { 'x-more': '1' }, head: 'head\n', onBegin() {} });
  listeners.open({ request, identity }, output, {
    encoding,
    async onOpen({ groups, clients }) {
      groups.add(group);
      clients.caller.send('note', 'welcome');
    },
  });
}

/** Reads lines of a response as they arrive. */
async function readLines(url: string) {
  const response = await fetch(url);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  return {
    response,
    async next(): Promise<string | undefined> {
      while (!rest.includes('\n')) {
        const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
        if (done) return undefined;
        rest += value ?? '';
      }
      const end = rest.indexOf('\n');
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      return line;
    },
    cancel: () => reader?.cancel(),
  };
}

describe('a stream', () => {
  test('a stream begins with its head and has the messages to its groups in its encoding', async () => {
    await using host = await start(stream);
    const lines = await readLines(host.url);
    expect([lines.response.headers.get('content-type'), lines.response.headers.get('x-more')]).toEqual([
      'text/event-stream',
      '1',
    ]);
    expect([await lines.next(), await lines.next()]).toEqual(['head', 'note "welcome"']);
    host.hub.clients.group('room').send('note', { a: 1 });
    host.hub.clients.group('speaks lines').send('note', 2);
    host.hub.clients.user('ana').send('note', 3);
    expect([await lines.next(), await lines.next(), await lines.next()]).toEqual([
      'note {"a":1}',
      'note 2',
      'note 3',
    ]);
    expect(host.hub.connections.list()).toMatchObject([{ userId: 'ana', transport: 'ServerSentEvents' }]);
    host.clock.pass(15_000);
    expect(await lines.next()).toBe('ping');
    await lines.cancel();
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_closed' });
    expect(host.hub.connections.count).toBe(0);
  });

  test('a draining server ends its streams with the Close message and opens no new one', async () => {
    await using host = await start((listeners, request, response) => {
      if (listeners.isAccepting) stream(listeners, request, response);
      else response.writeHead(503).end('closed');
    });
    const lines = await readLines(host.url);
    await lines.next();
    await lines.next();
    const drained = host.server.drain({ withinMs: 0 });
    expect([await lines.next(), await lines.next()]).toEqual(['close true', undefined]);
    expect((await fetch(host.url)).status).toBe(503);
    await drained;
  });

  test('a stream that is released before its first message leaves the response to the application', async () => {
    await using host = await start((listeners, request, response) => {
      const output = new ListenerStream(response, { headers: {}, head: 'head\n', onBegin() {} });
      const onOpen = async (): Promise<void> => {
        output.release();
        response.writeHead(409).end('refused');
      };
      listeners.open({ request, identity }, output, { encoding, onOpen });
    });
    const response = await fetch(host.url);
    expect([response.status, await response.text()]).toEqual([409, 'refused']);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_closed' });
  });

  test('an error of `onOpen` closes the connection and tells the client to stay away', async () => {
    await using host = await start((listeners, request, response) => {
      const output = new ListenerStream(response, { headers: {}, head: '', onBegin() {} });
      const onOpen = async (): Promise<void> => {
        throw new Error('refused');
      };
      listeners.open({ request, identity }, output, { encoding, onOpen });
    });
    expect(await (await fetch(host.url)).text()).toBe('close false\n');
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'connected_failed' });
  });

  test('a stream whose client has left before it was opened leaves no connection', async () => {
    await using host = await start((listeners, request, response) => {
      response.on('close', () => stream(listeners, request, response));
      response.destroy();
    });
    await expect(fetch(host.url)).rejects.toThrow('fetch failed');
    await host.event('connection_closed');
    expect(host.hub.connections.count).toBe(0);
  });
});

describe('a poll', () => {
  test('a poll is answered with all messages of the turn in which the first one came', async () => {
    await using host = await start((listeners, request, response) => {
      const messages: string[] = [];
      const poll = new ListenerPoll(response, {
        onMessages: (more) => messages.push(...more) > 1,
        onEnd: () => response.end(messages.join('')),
      });
      listeners.open({ request, identity }, poll, {
        encoding,
        async onOpen({ groups }) {
          groups.add('room');
        },
      });
    });
    const answer = fetch(host.url);
    await expect.poll(() => host.hub.groups.count('room')).toBe(1);
    host.hub.clients.group('room').send('note', 1);
    await new Promise((resolve) => setImmediate(resolve));
    host.hub.clients.group('room').send('note', 2);
    host.hub.clients.group('room').send('note', 3);
    expect(await text((await answer).body as never)).toBe('note 1\nnote 2\nnote 3\n');
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_closed' });
  });

  test('a poll is answered without messages when the server closes', async () => {
    await using host = await start((listeners, request, response) => {
      const poll = new ListenerPoll(response, {
        onMessages: () => true,
        onEnd: () => response.end('nothing'),
      });
      listeners.open({ request, identity }, poll, { encoding, async onOpen() {} });
    });
    const answer = fetch(host.url);
    await host.event('connection_opened');
    void host.server.close();
    expect(await (await answer).text()).toBe('nothing');
  });
});

describe('charging', () => {
  test('listeners share the budget and the connection limit of their user with other clients', async () => {
    const refused: unknown[] = [];
    await using host = await start(
      (listeners, request, response) => {
        void (async () => {
          const opens = request.query.get('opens') === '1';
          const refusal = await listeners.charge({ request, identity }, opens);
          if (refusal === undefined && opens) stream(listeners, request, response);
          else {
            refused.push(refusal?.reason);
            response.writeHead(refusal === undefined ? 200 : 429).end();
          }
        })();
      },
      { clientLimits: { messagesPerSecond: 1, messageBurst: 12, maximumConnections: 1 } },
    );
    const open = (): Promise<Response> => fetch(`${host.url}/?opens=1`);
    const first = await open();
    expect(first.status).toBe(200);
    expect((await open()).status).toBe(429);
    expect((await fetch(host.url)).status).toBe(200);
    expect((await fetch(host.url)).status).toBe(200);
    expect((await fetch(host.url)).status).toBe(429);
    expect(refused).toEqual(['too_many_connections_of_client', undefined, undefined, 'rate_limited']);
    await first.body?.cancel();
    await host.event('connection_closed');
  });

  test('a closing server refuses every listener and names the time after which to return', async () => {
    await using host = await start((listeners, request, response) => {
      void listeners
        .charge({ request, identity }, true)
        .then((refusal) => response.end(JSON.stringify(refusal)));
    });
    void host.server.drain({ withinMs: 60_000, after: new Promise(() => {}) });
    expect(await (await fetch(host.url)).json()).toEqual({ reason: 'server_closed', retryAfterMs: 1_000 });
  });
});
