// The client gives its connection a new token before the old one expires.
import { expect, test } from 'vitest';
import { setUp } from './support/fake-gateway.js';

/** Returns a token that was issued now and is valid for these seconds. */
function tokenFor(seconds: number, name = 'a'): string {
  const iat = Math.floor(Date.now() / 1_000);
  const claims = btoa(JSON.stringify({ iat, exp: iat + seconds, name }));
  return `head.${claims.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')}.signature`;
}

const refreshes = (log: readonly string[]): readonly string[] =>
  log.filter((call) => call.startsWith('RefreshToken'));

test('the client sends a new token after about four fifths of the life of the old one, over the same connection', async () => {
  let count = 0;
  const { client, gateway, clock, states } = setUp({ accessToken: () => tokenFor(1_000, `${(count += 1)}`) });
  await client.connect();
  await clock.advance(745_000);
  expect(refreshes(gateway.connection.log)).toEqual([]);
  await clock.advance(60_000);
  expect(refreshes(gateway.connection.log)).toEqual([`RefreshToken ${tokenFor(1_000, '2')}`]);
  await clock.advance(805_000);
  expect(refreshes(gateway.connection.log)).toHaveLength(2);
  expect([gateway.connections.length, states]).toEqual([1, ['connecting', 'live']]);
});

test('a token without an expiry time is not refreshed', async () => {
  const { client, gateway, clock } = setUp({ accessToken: () => 'opaque' });
  await client.connect();
  await clock.advance(86_400_000);
  expect(refreshes(gateway.connection.log)).toEqual([]);
});

test('a refresh that fails for a temporary reason is repeated, and reported once', async () => {
  const { client, gateway, clock, errors } = setUp({ accessToken: () => tokenFor(1_000) });
  await client.connect();
  gateway.isAnswering = false;
  await clock.advance(805_000);
  gateway.connection.calls[0]?.refuse('The token cannot be checked now. Try again later.');
  await clock.advance(30_000);
  gateway.connection.calls[0]?.refuse('The token cannot be checked now. Try again later.');
  await clock.advance(30_000);
  gateway.connection.calls[0]?.answer({ tokenLifetimeSeconds: 1_000 });
  await clock.advance(0);
  expect(refreshes(gateway.connection.log)).toHaveLength(3);
  expect(errors).toMatchObject([{ code: 'refused' }]);
});

test('a refused refresh is reported and not repeated on this connection', async () => {
  const { client, gateway, clock, errors } = setUp({ accessToken: () => tokenFor(1_000) });
  await client.connect();
  gateway.isAnswering = false;
  await clock.advance(805_000);
  gateway.connection.calls[0]?.refuse('The token is not accepted.');
  await clock.advance(600_000);
  expect(refreshes(gateway.connection.log)).toHaveLength(1);
  expect(errors).toMatchObject([{ code: 'refused' }]);
});

test('a connection that is lost plans no refresh, and the next connection plans its own', async () => {
  const { client, gateway, clock, reconnect } = setUp({ accessToken: () => tokenFor(1_000) });
  await client.connect();
  const first = gateway.connection;
  await reconnect();
  await clock.advance(805_000);
  expect([refreshes(first.log).length, refreshes(gateway.connection.log).length]).toEqual([0, 1]);
  await client.close();
  expect(clock.timerCount).toBe(0);
});
