// When a key server is asked, and what its keys are good for while it is away.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { expect, it } from 'vitest';
import { KeysUnavailable, RemoteKeys } from '../../src/auth/remote-keys.js';

const jwk = await exportJWK((await generateKeyPair('ES256')).publicKey);
const jws = { payload: '', signature: '' };
const header = (kid: string) => ({ alg: 'ES256', kid });

/** Keys with a clock of the test's own, and a server whose answer the test chooses. */
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
    nowMs: 0,
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
    monotonicMs: () => world.nowMs,
    onAsked: (outcome) => world.outcomes.push(outcome),
    onStateChange: (isAway, reason) => states.push(isAway && reason),
  });
  return Object.assign(world, { keys });
}

it('asks once for keys that it does not have, however many want one', async () => {
  await using world = await start();
  await Promise.all(Array.from({ length: 50 }, () => world.keys.keyOf(header('a'), jws)));
  expect([world.requests, world.outcomes, world.states]).toEqual([1, ['answered'], []]);
});

it('uses keys that are old at once, and asks for them again beside', async () => {
  await using world = await start();
  await world.keys.keyOf(header('a'), jws);
  world.kids = ['a', 'b'];
  world.nowMs = 10_000;
  await world.keys.keyOf(header('a'), jws);
  await expect.poll(() => world.outcomes).toEqual(['answered', 'answered']);
  await world.keys.keyOf(header('b'), jws);
  expect(world.requests).toBe(2);
});

it('looks a key up at once that the known ones lack, also right after it has asked', async () => {
  await using world = await start();
  await world.keys.keyOf(header('a'), jws);
  world.kids = ['b'];
  await world.keys.keyOf(header('b'), jws);
  // The server has replaced it.
  await expect(world.keys.keyOf(header('a'), jws)).rejects.toMatchObject({
    code: 'ERR_JWKS_NO_MATCHING_KEY',
  });
});

it('uses old keys on while the server is away, up to the bound, and tells of the change once', async () => {
  await using world = await start();
  await world.keys.keyOf(header('a'), jws);
  world.status = 503;
  for (world.nowMs = 10_000; world.nowMs <= 60_000; world.nowMs += 10_000) {
    await world.keys.keyOf(header('a'), jws);
    await expect.poll(() => world.outcomes.length).toBe(1 + world.nowMs / 10_000);
  }
  await expect(world.keys.keyOf(header('a'), jws)).rejects.toThrow(KeysUnavailable);
  expect([world.keys.isAway, world.states]).toEqual([true, ['it answered with status 503']]);
  world.status = 200;
  world.nowMs += 1_000;
  await world.keys.keyOf(header('a'), jws);
  expect([world.keys.isAway, world.states.at(-1)]).toEqual([false, false]);
});

it('lets only so many wait for the server, and tells the others to come back', async () => {
  await using world = await start();
  const answers = await Promise.allSettled(
    Array.from({ length: 1_500 }, () => world.keys.keyOf(header('a'), jws)),
  );
  const refused = answers.filter((answer) => answer.status === 'rejected');
  expect(refused).toHaveLength(500);
  for (const { reason } of refused)
    expect(reason).toMatchObject({ name: 'KeysUnavailable', retryAfterMs: 5_000 });
});
