/*
 * The static promises of a hub: what may be sent, what may be called, who is there.
 */
import { describe, expectTypeOf, test } from 'vitest';
import {
  createSignalRServer,
  defineHub,
  type Hub,
  type HubCalls,
  type HubMessages,
  isNumber,
  isString,
  JsonText,
  method,
  parseArguments,
} from '../src/index.js';

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
  test('types what its clients may call', () => {
    expectTypeOf<HubCalls<typeof chat>['send']>().toEqualTypeOf<
      (...args: [string, number]) => Promise<number>
    >();
    expectTypeOf<HubCalls<typeof chat>['partial']>().toEqualTypeOf<
      (...args: [string, string | undefined]) => Promise<number>
    >();
    expectTypeOf<HubCalls<typeof chat>['plain']>().toEqualTypeOf<(value: unknown) => Promise<void>>();
    expectTypeOf<HubMessages<typeof chat>>().toEqualTypeOf<ChatClient>();
  });

  test('types what its clients may be sent', () => {
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
    };
    expectTypeOf(send).toBeFunction();
  });

  test('does not let a method trust what nobody has checked', () => {
    // @ts-expect-error the argument comes from the network: it is unknown until a parser has seen it
    defineHub<ChatClient>()({ methods: { trusting: (_context, text: string) => text } });
    // @ts-expect-error the parser yields a string
    method(parseArguments(isString), (_context: unknown, n: number) => n);
    // @ts-expect-error a pair of functions that nobody has matched is no method
    defineHub<ChatClient>()({ methods: { pair: { parse: parseArguments(isString), invoke: () => 1 } } });
  });

  test('declared with a user needs an authenticate that yields one', () => {
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

  test('with typed items needs their factory', () => {
    // @ts-expect-error createItems is missing
    defineHub<ChatClient, undefined, { count: number }>()({ methods: {} });
    defineHub<ChatClient>()({ methods: {} });
  });
});
