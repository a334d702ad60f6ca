/*
 * The official JavaScript client, unmodified, judges the server from outside.
 */
import {
  HttpTransportType,
  type HubConnection,
  HubConnectionBuilder,
  type IHttpConnectionOptions,
  LogLevel,
} from '@microsoft/signalr';
import { describe, expect, test } from 'vitest';
import { defineHub, HubError, isString, JsonText, method, parseArguments } from '../src/index.js';
import { type Host, startHost } from './support/host.js';

interface ChatClient {
  message(from: string, text: string): void;
  data(value: unknown): void;
}

interface User {
  readonly name: string;
}

const chat = defineHub<ChatClient, User>()({
  methods: {
    send: method(parseArguments(isString), (context, text) =>
      context.clients.others.send('message', context.userId ?? '', text),
    ),
    join: method(parseArguments(isString), (context, group) => context.groups.add(group)),
    leave: method(parseArguments(isString), (context, group) => context.groups.remove(group)),
    toGroup: method(parseArguments(isString, isString), (context, group, text) =>
      context.clients.othersInGroup(group).send('message', context.user.name, text),
    ),
    toUser: method(parseArguments(isString, isString), (context, user, text) =>
      context.clients.user(user).send('message', context.user.name, text),
    ),
    echo: (_context, value) => value,
    raw: (context) => context.clients.caller.send('data', new JsonText('{"n":  1.50}')),
    async later(_context, value) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      return value;
    },
    nothing() {},
    fail() {
      throw new HubError('no such room');
    },
    break() {
      throw new Error('password is 1234');
    },
    cyclic() {
      const value: Record<string, unknown> = {};
      value['self'] = value;
      return value;
    },
    abort: (context) => context.abort(),
  },
});

function startChat(options: Parameters<typeof startHost>[1] = {}): Promise<Host> {
  return startHost((server) => {
    server.mapHub('/hubs/chat', chat, {
      authenticate: ({ token }) =>
        token === null || token === 'bad'
          ? undefined
          : { userId: token, user: { name: token.toUpperCase() } },
    });
  }, options);
}

interface Client extends AsyncDisposable {
  readonly connection: HubConnection;
  /** The next call of `message` that was not taken yet. */
  next(): Promise<readonly unknown[]>;
}

async function connect(host: Host, token: string, options: IHttpConnectionOptions = {}): Promise<Client> {
  const connection = new HubConnectionBuilder()
    .withUrl(`${host.url}/hubs/chat`, { accessTokenFactory: () => token, ...options })
    .configureLogging(LogLevel.None)
    .build();
  const received: (readonly unknown[])[] = [];
  const waiting: ((call: readonly unknown[]) => void)[] = [];
  connection.on('message', (...call: unknown[]) => {
    const resolve = waiting.shift();
    if (resolve === undefined) received.push(call);
    else resolve(call);
  });
  await connection.start();
  return {
    connection,
    next: () => {
      const call = received.shift();
      if (call !== undefined) return Promise.resolve(call);
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
    [Symbol.asyncDispose]: () => connection.stop(),
  };
}

describe('an official client', () => {
  test('gets results of every kind of value', async () => {
    await using host = await startChat();
    await using ann = await connect(host, 'ann');
    const value = { text: 'grüße 👋 \u001e "', list: [1, null, true], deep: { a: {} } };
    expect(await ann.connection.invoke('echo', value)).toEqual(value);
    expect(await ann.connection.invoke('later', 7)).toBe(7);
    expect(await ann.connection.invoke('nothing')).toBeNull();
    expect(await ann.connection.invoke('ECHO', 'case')).toBe('case');
  });

  test('is told the message of a HubError', async () => {
    await using host = await startChat();
    await using ann = await connect(host, 'ann');
    await expect(ann.connection.invoke('fail')).rejects.toThrow(
      "An unexpected error occurred invoking 'fail' on the server. HubException: no such room",
    );
  });

  test('is not told the text of any other error', async () => {
    await using host = await startChat();
    await using ann = await connect(host, 'ann');
    const error = await ann.connection.invoke('break').catch(String);
    expect(error).toBe("Error: An unexpected error occurred invoking 'break' on the server.");
    expect(await host.event('invocation_failed')).toMatchObject({
      method: 'break',
      failure: 'method_threw',
      error: { message: 'password is 1234' },
    });
  });

  test('is told the text of any error when details are enabled', async () => {
    await using host = await startChat({ enableDetailedErrors: true });
    await using ann = await connect(host, 'ann');
    await expect(ann.connection.invoke('break')).rejects.toThrow(
      "An unexpected error occurred invoking 'break' on the server. Error: password is 1234",
    );
    await expect(ann.connection.invoke('send')).rejects.toThrow(
      "Failed to invoke 'send' due to an error on the server. InvalidDataException: Invocation provides 0 argument(s) but target expects 1.",
    );
  });

  test('has only the call fail when arguments or method are wrong', async () => {
    await using host = await startChat();
    await using ann = await connect(host, 'ann');
    await expect(ann.connection.invoke('send', 5)).rejects.toThrow(
      "Failed to invoke 'send' due to an error on the server.",
    );
    await expect(ann.connection.invoke('nope')).rejects.toThrow(
      "Failed to invoke 'nope' due to an error on the server. HubException: Method does not exist.",
    );
    await expect(ann.connection.invoke('constructor')).rejects.toThrow('Method does not exist.');
    await expect(ann.connection.invoke('cyclic')).rejects.toThrow("invoking 'cyclic' on the server.");
    expect(await ann.connection.invoke('echo', 1)).toBe(1);
  });

  test('is refused a stream in words', async () => {
    await using host = await startChat();
    await using ann = await connect(host, 'ann');
    const ended = new Promise((resolve) => {
      ann.connection
        .stream('echo', 1)
        .subscribe({ next: () => {}, complete: () => resolve('complete'), error: resolve });
    });
    expect(String(await ended)).toContain(
      "The client attempted to invoke the non-streaming 'echo' method with a streaming invocation.",
    );
  });

  test('reaches others, groups and users', async () => {
    await using host = await startChat();
    await using ann = await connect(host, 'ann');
    await using bob = await connect(host, 'bob');
    await using bob2 = await connect(host, 'bob');
    expect(await ann.connection.invoke('send', 'hello')).toBe(2);
    expect(await bob.next()).toEqual(['ann', 'hello']);
    expect(await bob2.next()).toEqual(['ann', 'hello']);
    await bob.connection.invoke('join', 'room');
    await ann.connection.invoke('join', 'room');
    expect(await ann.connection.invoke('toGroup', 'room', 'in')).toBe(1);
    expect(await bob.next()).toEqual(['ANN', 'in']);
    await bob.connection.invoke('leave', 'room');
    expect(await ann.connection.invoke('toGroup', 'room', 'gone')).toBe(0);
    expect(await ann.connection.invoke('toUser', 'bob', 'both')).toBe(2);
    expect(await bob.next()).toEqual(['ANN', 'both']);
    expect(await bob2.next()).toEqual(['ANN', 'both']);
  });

  test('gets JSON text verbatim', async () => {
    await using host = await startChat();
    await using ann = await connect(host, 'ann');
    const data = new Promise((resolve) => {
      ann.connection.on('data', resolve);
    });
    await ann.connection.invoke('raw');
    expect(await data).toEqual({ n: 1.5 });
  });

  test('works without negotiation', async () => {
    await using host = await startChat();
    await using ann = await connect(host, 'ann', {
      skipNegotiation: true,
      transport: HttpTransportType.WebSockets,
    });
    expect(await ann.connection.invoke('echo', 1)).toBe(1);
  });

  test('is refused with 401 without a valid token', async () => {
    await using host = await startChat();
    await expect(connect(host, 'bad')).rejects.toThrow("Unauthorized: Status code '401'");
  });

  test('sees code 1000 and no error when it stops', async () => {
    await using host = await startChat();
    const ann = await connect(host, 'ann');
    const closed = new Promise((resolve) => {
      ann.connection.onclose(resolve);
    });
    await ann.connection.stop();
    expect(await closed).toBeUndefined();
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'client_closed',
      error: undefined,
    });
  });

  test('stops for good when the hub aborts it', async () => {
    await using host = await startChat();
    const connection = new HubConnectionBuilder()
      .withUrl(`${host.url}/hubs/chat?access_token=ann`)
      .withAutomaticReconnect([0])
      .configureLogging(LogLevel.None)
      .build();
    const closed = new Promise((resolve) => {
      connection.onclose(resolve);
    });
    await connection.start();
    await expect(connection.invoke('abort')).rejects.toThrow();
    await closed;
    expect(host.events.filter((event) => event.type === 'connection_opened')).toHaveLength(1);
  });
});
