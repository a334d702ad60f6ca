/*
 * The types of `mapConnection`: the handler's user is the user of `authenticate`.
 */
import { expectTypeOf, test } from 'vitest';
import { createSignalRServer, type RawConnection } from '../../src/index.js';

interface Account {
  readonly name: string;
}

test('a handler without a user type needs no authenticate, and has no user', () => {
  createSignalRServer().mapConnection('/raw', (connection) => {
    expectTypeOf(connection).toEqualTypeOf<RawConnection<undefined>>();
    expectTypeOf(connection.user).toEqualTypeOf<undefined>();
  });
});

test('a handler with a user type requires an authenticate that returns such a user', () => {
  const server = createSignalRServer();
  server.mapConnection<Account>('/raw', ({ user }) => void expectTypeOf(user).toEqualTypeOf<Account>(), {
    authenticate: () => ({ userId: null, user: { name: 'Ada' } }),
  });
  // @ts-expect-error: authenticate is missing
  server.mapConnection<Account>('/raw', () => {});
  server.mapConnection<Account>('/raw', () => {}, {
    // @ts-expect-error: the user has no name
    authenticate: () => ({ userId: null, user: {} }),
  });
});

test('the messages of a client are text or bytes', () => {
  createSignalRServer().mapConnection('/raw', async (connection) => {
    for await (const message of connection) expectTypeOf(message).toEqualTypeOf<string | Uint8Array>();
    // @ts-expect-error: a message is text or bytes
    await connection.send(1);
  });
});
