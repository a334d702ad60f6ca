// When the keys of a key server are fetched, and how known keys are used while it is unavailable.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { expect, it } from 'vitest';
import { KeysUnavailable, RemoteKeys } from '../../src/auth/remote-keys.js';

const jwk = await exportJWK((await generateKeyPair('ES256')).publicKey);
const jws = { payload: '', signature: '' };
const header = (kid: string) => ({ alg: 'ES256', kid });

/** Starts a key server, and a `RemoteKeys` that fetches from it. The test sets the server's answer and the clock. */
async function start() {
  const server = createServer((_request, response) => {
    world.requests += 1;
    response
      .writeHead(world.status)
      .end(JSON.stringify({ keys: world.kids.map((kid) => ({ ...jwk, kid })) }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const states: (string | false)[] = [];
  const world = {
    status: 200,
    kids: ['a'],
    requests: 0,
    timeMs: 0,
    states,
    outcomes: [] as string[],
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  const keys = new RemoteKeys({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    refreshMs: 10_000,
    maxStaleMs: 60_000,
    monotonicMs: () => world.timeMs,
    onFetched: (outcome) => world.outcomes.push(outcome),
    onStateChange: (isAway, reason) => states.push(isAway && reason),
  });
  return Object.assign(world, { keys });
}

it('the keys are fetched only once, even if many callers need a key at the same time', async () => {
  await using world = await start();
  await Promise.all(Array.from({ length: 50 }, () => world.keys.keyOf(header('a'), jws)));
  expect([world.requests, world.outcomes, world.states]).toEqual([1, ['answered'], []]);
});

it('stale keys are still used while fresh keys are fetched', async () => {
  await using world = await start();
  await world.keys.keyOf(header('a'), jws);
  world.kids = ['a', 'b'];
  world.timeMs = 10_000;
  await world.keys.keyOf(header('a'), jws);
  await expect.poll(() => world.outcomes).toEqual(['answered', 'answered']);
  await world.keys.keyOf(header('b'), jws);
  expect(world.requests).toBe(2);
});

it('a key that is not in the cache is found by a new fetch, even right after another fetch', async () => {
  await using world = await start();
  await world.keys.keyOf(header('a'), jws);
  world.kids = ['b'];
  await world.keys.keyOf(header('b'), jws);
  // The server has replaced key `a` with key `b`.
  await expect(world.keys.keyOf(header('a'), jws)).rejects.toMatchObject({
    code: 'ERR_JWKS_NO_MATCHING_KEY',
  });
});

it('old keys are used up to a maximum age during an outage, and the outage is reported once', async () => {
  await using world = await start();
  await world.keys.keyOf(header('a'), jws);
  world.status = 503;
  for (world.timeMs = 10_000; world.timeMs <= 60_000; world.timeMs += 10_000) {
    await world.keys.keyOf(header('a'), jws);
    await expect.poll(() => world.outcomes.length).toBe(1 + world.timeMs / 10_000);
  }
  await expect(world.keys.keyOf(header('a'), jws)).rejects.toThrow(KeysUnavailable);
  expect([world.keys.isAway, world.states]).toEqual([true, ['it answered with status 503']]);
  world.status = 200;
  world.timeMs += 1_000;
  await world.keys.keyOf(header('a'), jws);
  expect([world.keys.isAway, world.states.at(-1)]).toEqual([false, false]);
});

it('the key cache lets at most 1,000 callers wait for the key server', async () => {
  await using world = await start();
  const answers = await Promise.allSettled(
    Array.from({ length: 1_500 }, () => world.keys.keyOf(header('a'), jws)),
  );
  const refused = answers.filter((answer) => answer.status === 'rejected');
  expect(refused).toHaveLength(500);
  for (const { reason } of refused)
    expect(reason).toMatchObject({ name: 'KeysUnavailable', retryAfterMs: 5_000 });
});
