/*
 * The static types of a hub: the messages that may be sent, the methods that may be called, and the user.
 */
import { type HubConnection, Subject } from '@microsoft/signalr';
import type { createClient } from '@redis/client';
import { describe, expectTypeOf, test } from 'vitest';
import {
  createSignalRServer,
  defineHub,
  type Hub,
  type HubCalls,
  type HubClient,
  type HubMessages,
  isNumber,
  isString,
  JsonText,
  method,
  parseArguments,
  streamMethod,
} from '../../src/index.js';
import { createRedisBackplane } from '../../src/redis.js';

interface ChatClient {
  message(from: string, text: string): void;
  data(value: { readonly n: number }): void;
}

interface User {
  readonly name: string;
}

const chat = defineHub<ChatClient, User, { count: number }>()({
  createItems: () => ({ count: 0 }),
  onConnected(context) {
    expectTypeOf(context.user).toEqualTypeOf<User>();
    expectTypeOf(context.userId).toEqualTypeOf<string | null>();
    expectTypeOf(context.items).toEqualTypeOf<{ count: number }>();
    expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>();
  },
  methods: {
    send: method(parseArguments(isString, isNumber), async (context, text, times) => {
      expectTypeOf(text).toEqualTypeOf<string>();
      expectTypeOf(times).toEqualTypeOf<number>();
      return context.clients.others.send('message', context.user.name, text);
    }),
    partial: method(
      ([first]): [string, string | undefined] => [String(first), undefined],
      (_context, first) => first.length,
    ),
    plain(context, value) {
      expectTypeOf(context.user).toEqualTypeOf<User>();
      expectTypeOf(value).toEqualTypeOf<unknown>();
    },
  },
});

describe('a hub', () => {
  test('the methods of a hub have static types for its clients', () => {
    expectTypeOf<HubCalls<typeof chat>['send']>().toEqualTypeOf<
      (...args: [string, number]) => Promise<number>
    >();
    expectTypeOf<HubCalls<typeof chat>['partial']>().toEqualTypeOf<
      (...args: [string, string | undefined]) => Promise<number>
    >();
    expectTypeOf<HubCalls<typeof chat>['plain']>().toEqualTypeOf<(value: unknown) => Promise<void>>();
    expectTypeOf<HubMessages<typeof chat>>().toEqualTypeOf<ChatClient>();
  });

  test('the messages of a hub have static types for its sends', () => {
    const send = (hub: Hub<ChatClient>) => {
      hub.clients.all.send('message', 'a', 'b');
      hub.clients.group('g').send('data', { n: 1 });
      hub.clients.group('g').send('data', new JsonText('{"n":1}'));
      // @ts-expect-error no such target
      hub.clients.all.send('massage', 'a', 'b');
      // @ts-expect-error an argument is missing
      hub.clients.all.send('message', 'a');
      // @ts-expect-error the wrong type
      hub.clients.all.send('data', { n: 'one' });
      hub.clients.groupExceptUser('g', 'u').send('message', 'a', 'b');
      // @ts-expect-error a function cannot travel to other instances
      hub.clients.groupExceptUser('g', (userId: string) => userId === 'u');
    };
    expectTypeOf(send).toBeFunction();
  });

  test('hub functions that wait for other instances return promises, and all others return values', () => {
    const use = (hub: Hub<ChatClient>) => {
      expectTypeOf(hub.groups.add('id', 'g')).toEqualTypeOf<Promise<boolean>>();
      expectTypeOf(hub.groups.remove('id', 'g')).toEqualTypeOf<Promise<boolean>>();
      expectTypeOf(hub.connections.abort('id')).toEqualTypeOf<Promise<boolean>>();
      expectTypeOf(hub.clients.client('id').send('message', 'a', 'b')).toEqualTypeOf<number>();
      expectTypeOf(hub.groups.count('g')).toEqualTypeOf<number>();
      expectTypeOf(hub.backplaneState).toEqualTypeOf<'none' | 'up' | 'down'>();
    };
    expectTypeOf(use).toBeFunction();
    defineHub<ChatClient>()({
      methods: {
        join: (context) => expectTypeOf(context.groups.add('g')).toEqualTypeOf<boolean>(),
        leave: (context) => expectTypeOf(context.groups.remove('g')).toEqualTypeOf<boolean>(),
      },
    });
  });

  test('a server accepts any backplane, and the Redis backplane accepts the clients of @redis/client', () => {
    const use = (client: ReturnType<typeof createClient>) => {
      createSignalRServer({ backplane: createRedisBackplane({ client, subscriber: client }) });
      createSignalRServer({
        backplane: {
          subscribe: async (_channel, onMessage) => {
            onMessage(Uint8Array.of());
            return { async unsubscribe() {} };
          },
          async publish(_channel, message) {
            expectTypeOf(message).toEqualTypeOf<Uint8Array>();
          },
        },
      });
      // @ts-expect-error subscribe is missing
      createSignalRServer({ backplane: { async publish() {} } });
    };
    expectTypeOf(use).toBeFunction();
  });

  test('a method without a parser cannot declare types for its arguments', () => {
    // @ts-expect-error the argument comes from the network, so its type is unknown until a parser has checked it
    defineHub<ChatClient>()({ methods: { trusting: (_context, text: string) => text } });
    // @ts-expect-error the parser yields a string
    method(parseArguments(isString), (_context: unknown, n: number) => n);
    // @ts-expect-error a plain pair of functions, whose types are not compared, is not a method
    defineHub<ChatClient>()({ methods: { pair: { parse: parseArguments(isString), invoke: () => 1 } } });
  });

  test('a hub that is declared with a user type needs a function authenticate that returns such a user', () => {
    const map = () => {
      const server = createSignalRServer();
      server.mapHub('/a', chat, { authenticate: () => ({ userId: 'u', user: { name: 'n' } }) });
      // @ts-expect-error authenticate is missing
      server.mapHub('/a', chat);
      // @ts-expect-error authenticate is missing
      server.mapHub('/a', chat, {});
      // @ts-expect-error the user has no name
      server.mapHub('/a', chat, { authenticate: () => ({ userId: 'u', user: {} }) });
      server.mapHub('/b', defineHub<ChatClient>()({ methods: {} }));
    };
    expectTypeOf(map).toBeFunction();
  });

  test('a hub with typed items needs the function createItems', () => {
    // @ts-expect-error createItems is missing
    defineHub<ChatClient, undefined, { count: number }>()({ methods: {} });
    defineHub<ChatClient>()({ methods: {} });
  });
});

describe('a client of a hub', () => {
  interface LiveClient {
    note(text: string): void;
    confirm(question: string): boolean;
  }
  const live = defineHub<LiveClient>()({
    methods: {
      add: method(parseArguments(isNumber, isNumber), (_context, a, b) => a + b),
      sum: method(
        parseArguments(isString),
        async (_context, _name, numbers) => {
          let sum = 0;
          for await (const n of numbers) {
            expectTypeOf(n).toEqualTypeOf<number>();
            sum += n;
          }
          return sum;
        },
        { uploads: [isNumber] },
      ),
      count: streamMethod(parseArguments(isNumber), async function* (_context, to) {
        for (let n = 0; n < to; n += 1) yield n;
      }),
      ask: async (context) => {
        expectTypeOf(context.clients.caller.invoke('confirm', '?')).toEqualTypeOf<Promise<boolean>>();
        // @ts-expect-error only a single client can be asked for an answer
        context.clients.all.invoke('confirm', '?');
        // @ts-expect-error the wrong type
        await context.clients.client('x').invoke('confirm', 1);
        // @ts-expect-error one argument too many
        await context.clients.caller.invoke('confirm', '?', '!');
        // @ts-expect-error no such target
        await context.clients.caller.invoke('affirm', '?');
        // @ts-expect-error the client answers with a boolean
        const answer: string = await context.clients.caller.invoke('confirm', '?');
        expectTypeOf(answer).toBeString();
      },
    },
  });

  test('HubClient restricts an official connection to the names and arguments of the hub', () => {
    const use = async (connection: HubConnection) => {
      const client: HubClient<typeof live> = connection;
      expectTypeOf(await client.invoke('add', 1, 2)).toEqualTypeOf<number>();
      await client.send('add', 1, 2);
      expectTypeOf(await client.invoke('sum', 'a', new Subject<number>())).toEqualTypeOf<number>();
      client.stream('count', 3).subscribe({
        next: (n) => expectTypeOf(n).toEqualTypeOf<number>(),
        error: () => {},
        complete: () => {},
      });
      client.on('note', (text) => {
        expectTypeOf(text).toEqualTypeOf<string>();
      });
      client.on('confirm', async (question) => question.length > 0);
      // @ts-expect-error no such method
      await client.invoke('subtract', 1, 2);
      // @ts-expect-error an argument is missing
      await client.invoke('add', 1);
      // @ts-expect-error the wrong type
      await client.send('add', 1, '2');
      // @ts-expect-error a stream with items of the wrong type
      await client.invoke('sum', 'a', new Subject<string>());
      // @ts-expect-error a streaming method cannot be invoked
      await client.invoke('count', 3);
      // @ts-expect-error a method that is not a streaming method cannot be streamed
      client.stream('add', 1, 2);
      // @ts-expect-error no such target
      client.on('nope', () => {});
      // @ts-expect-error an argument of the wrong type
      client.on('note', (count: number) => count);
      // @ts-expect-error the hub expects a boolean
      client.on('confirm', () => 'yes');
      // @ts-expect-error the result is a number
      const sum: string = await client.invoke('add', 1, 2);
      expectTypeOf(sum).toBeString();
      // @ts-expect-error one argument too many
      await client.invoke('add', 1, 2, 3);
      // @ts-expect-error no such method
      await client.send('subtract', 1, 2);
      // @ts-expect-error no such method
      client.stream('counts', 3);
      // @ts-expect-error the wrong type
      client.stream('count', '3');
      // @ts-expect-error the items are numbers
      client.stream('count', 3).subscribe({ next: (item: string) => item, error() {}, complete() {} });
      // @ts-expect-error no such target
      client.off('nope', () => {});
    };
    expectTypeOf(use).toBeFunction();
  });

  test('a method whose function does not match its parser or its upload guards does not compile', () => {
    // @ts-expect-error the guard accepts numbers, not strings
    method(parseArguments(), (_context: unknown, texts: AsyncIterable<string>) => texts, {
      uploads: [isNumber],
    });
    // @ts-expect-error no guard checks the items of the stream
    method(parseArguments(isString), (_context: unknown, _name: string, _items: AsyncIterable<number>) => 1);
    // @ts-expect-error the parser yields a string
    streamMethod(parseArguments(isString), async function* (_context: unknown, to: number) {
      yield to;
    });
    // @ts-expect-error a streaming method must return an iterable
    streamMethod(parseArguments(isNumber), (_context: unknown, to: number) => to);
  });
});
