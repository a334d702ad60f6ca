// A user is signed out everywhere.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { HttpTransportType } from '@microsoft/signalr';
import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { MemberClient } from '../../fixtures/clients/member-client.js';
import { streamNames } from '../../fixtures/events/sample-events.js';
import { removeMember, signOut } from '../../fixtures/http/members.js';
import { jwtSecret, signToken } from '../../fixtures/http/tokens.js';
import { MemberGateways } from '../../fixtures/systems/member-gateways.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const system = sharedSystem(() => MemberGateways.start(3));
const { WebSockets, ServerSentEvents, LongPolling } = HttpTransportType;

/** Signs a token with this time of issue, in seconds since 1970. Without a time, the token has no claim `iat`. */
async function tokenOf(sub: string, iat: number | undefined): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const token = new SignJWT({ sub, rooms: ['*'], exp: nowSeconds + 3_600 }).setProtectedHeader({
    alg: 'HS256',
  });
  return (iat === undefined ? token : token.setIssuedAt(iat)).sign(new TextEncoder().encode(jwtSecret));
}

test('a sign-out ends every connection of the user for good, on all gateways and transports, and nobody else’s', async () => {
  const sub = randomUUID();
  const transports = [WebSockets, ServerSentEvents, LongPolling];
  const clients = await Promise.all(
    system().urls.flatMap((url) =>
      transports.map((transport) => MemberClient.connect(url, { sub, transport })),
    ),
  );
  await using other = await MemberClient.connect(system().first.url, { sub: randomUUID() });
  expect(await signOut(system().urls[2] ?? '', sub)).toMatchObject({ status: 200 });
  await Promise.all(clients.map((client) => client.ended()));
  await other.log.join('room');
});

test('tokens from before the sign-out are refused by old and new gateways, and later tokens are accepted', async () => {
  const sub = randomUUID();
  const nowSeconds = Math.floor(Date.now() / 1000);
  const before = [
    await signToken({ sub }),
    await tokenOf(sub, nowSeconds - 60),
    await tokenOf(sub, undefined),
  ];
  await signOut(system().first.url, sub);
  const late = await system().add();
  const later = await tokenOf(sub, nowSeconds + 5);
  for (const url of [...system().urls, late.url]) {
    for (const token of before)
      await expect(MemberClient.connect(url, { sub, token })).rejects.toThrow('401');
    await using client = await MemberClient.connect(url, { sub, token: later });
    await client.log.join('room');
  }
});

test('a connection whose token is newer than the sign-out stays open', async () => {
  const sub = randomUUID();
  const token = await tokenOf(sub, Math.floor(Date.now() / 1000) + 5);
  await using newer = await MemberClient.connect(system().first.url, { sub, token });
  await using older = await MemberClient.connect(system().first.url, { sub });
  await signOut(system().first.url, sub);
  await older.ended();
  await newer.log.join('room');
});

test('a Redis that loses its data ends no session that is newer than the sign-out, and no gateway accepts older tokens', async () => {
  await using gateways = await MemberGateways.start(2);
  const { redis, first, urls } = gateways;
  const sub = randomUUID();
  const older = await tokenOf(sub, Math.floor(Date.now() / 1000) - 60);
  await signOut(first.url, sub);
  await removeMember(first.url, 'room', 'bob');
  const newer = await tokenOf(sub, Math.floor(Date.now() / 1000) + 2);
  await using client = await MemberClient.connect(first.url, { sub, token: newer });
  await client.log.join('room');
  // A gateway that compared the token with the time of the loss would refuse it.
  await pause(2_500);
  await redis.cli('FLUSHALL');
  for (const stream of streamNames)
    await eventually(async () => expect(await redis.cli('HLEN', `revoked:{${stream}}`)).toBe('2'));
  const late = await gateways.add();
  for (const url of [...urls, late.url]) {
    await expect(MemberClient.connect(url, { sub, token: older })).rejects.toThrow('401');
    await using again = await MemberClient.connect(url, { sub, token: newer });
    await again.log.join('room');
  }
  await client.log.join('another room');
  // Each gateway knows what is missing, and one of them has stored it.
  for (const stream of streamNames) expect(await redis.cli('XLEN', stream)).toBe('2');
});
