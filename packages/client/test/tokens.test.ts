// Tokens: every attempt gets a fresh token, and a refused token is never used again.
import { expect, test } from 'vitest';
import { ClientError, type TokenContext } from '../src/index.js';
import { setUp } from './support/fake-gateway.js';

const refusal = new ClientError('unauthorized', 'The gateway refused the credentials.');

test('every attempt to connect requests a token once, and uses it', async () => {
  let count = 0;
  const { client, gateway, reconnect } = setUp({ accessToken: () => `token-${++count}` });
  await client.connect();
  expect(await gateway.connection.token).toBe('token-1');
  await reconnect();
  expect(await gateway.connection.token).toBe('token-2');
  expect(count).toBe(2);
});

test('a transport that requests a token again while it is connected gets a newer one', async () => {
  let count = 0;
  const { client, gateway } = setUp({ accessToken: async () => `token-${++count}` });
  await client.connect();
  expect(await gateway.connection.request.accessToken?.()).toBe('token-2');
});

test('a client without the option accessToken sends no token', async () => {
  const { client, gateway } = setUp();
  await client.connect();
  expect(gateway.connection.request.accessToken).toBeUndefined();
});

test('accessToken learns that its last token was refused, and its new token is used', async () => {
  const contexts: TokenContext[] = [];
  const { client, gateway, clock, states } = setUp({
    accessToken: (context) => {
      contexts.push(context);
      return `token-${contexts.length}`;
    },
  });
  gateway.isAccepting = false;
  void client.connect();
  await clock.advance(0);
  gateway.connection.refuse(refusal);
  gateway.isAccepting = true;
  await clock.advance(500);
  expect(contexts).toEqual([{ wasRefused: false }, { wasRefused: true }]);
  expect(states).toEqual(['connecting', 'live']);
});

test('a client closes without another attempt to connect if accessToken returns the refused token again', async () => {
  const { client, gateway, clock, changes } = setUp({ accessToken: () => 'stale' });
  gateway.isAccepting = false;
  const connected = client.connect();
  await clock.advance(0);
  gateway.connection.refuse(refusal);
  await clock.advance(500);
  await expect(connected).rejects.toMatchObject({ code: 'unauthorized' });
  expect(client.state).toBe('closed');
  expect(changes.at(-1)?.cause).toMatchObject({ code: 'unauthorized' });
  expect(gateway.connections).toHaveLength(1);
  await clock.advance(600_000);
  expect(gateway.connections).toHaveLength(1);

  // The application calls connect, for example after a new sign-in.
  gateway.isAccepting = true;
  await client.connect();
  expect(client.state).toBe('live');
});

test('a client without the option accessToken closes at once if the gateway refuses it', async () => {
  const { client, gateway, clock } = setUp();
  gateway.isAccepting = false;
  const connected = client.connect();
  await clock.advance(0);
  gateway.connection.refuse(refusal);
  await expect(connected).rejects.toMatchObject({ code: 'unauthorized' });
  expect(client.state).toBe('closed');
  expect(clock.timerCount).toBe(0);
});

test('accessToken is called again after an error, unless the error is `unauthorized`', async () => {
  const failures = [new Error('token endpoint away'), new ClientError('unauthorized', 'signed out')];
  const { client, clock, gateway, errors } = setUp({
    accessToken: async () => {
      throw failures.shift() ?? new Error('asked too often');
    },
  });
  const connected = client.connect();
  await clock.advance(0);
  expect(client.state).toBe('connecting');
  expect(errors[0]?.message).toContain('token endpoint away');
  await clock.advance(500);
  await expect(connected).rejects.toThrow('signed out');
  expect(gateway.connections).toHaveLength(0);
});

test('an attempt to connect fails if accessToken does not return in time, and a late token is ignored', async () => {
  const late: ((token: string) => void)[] = [];
  const { client, gateway, clock } = setUp({
    attemptTimeoutMs: 1_000,
    accessToken: () => new Promise((resolve) => late.push(resolve)),
  });
  void client.connect();
  await clock.advance(1_500);
  expect(late).toHaveLength(2);
  late[0]?.('too late');
  await clock.advance(0);
  expect(gateway.connections).toHaveLength(0);
  late[1]?.('in time');
  await clock.advance(0);
  expect(client.state).toBe('live');
  expect(await gateway.connection.token).toBe('in time');
});
