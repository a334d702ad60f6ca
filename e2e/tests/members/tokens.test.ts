// Tokens that expire, and new tokens for open connections.
import { randomUUID } from 'node:crypto';
import { createClient } from '@millrace/client';
import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { MemberClient } from '../../fixtures/clients/member-client.js';
import { notification } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { memberKey, memberOptions } from '../../fixtures/http/members.js';
import { signToken } from '../../fixtures/http/tokens.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const gateway = sharedSystem(() =>
  EmbeddedGateway.start({ ...memberOptions, closeOnAuthenticationExpiration: true, jwtClockToleranceMs: 0 }),
);

/** Signs a token that expires after these seconds. */
function tokenFor(sub: string, seconds: number, rooms: readonly string[] = ['*']): Promise<string> {
  return signToken({ sub, rooms, exp: Math.floor(Date.now() / 1_000) + seconds });
}

test('@millrace/client outlives its tokens over one connection, and a client without a refresh is closed', async () => {
  const sub = randomUUID();
  // The first connection to a gateway can take longer than the token lives.
  await using warmUp = await MemberClient.connect(gateway().url, { sub: randomUUID() });
  await warmUp.log.join('room');
  const first = await tokenFor(sub, 5);
  await using plain = await MemberClient.connect(gateway().url, { sub, token: first });
  const later = await tokenFor(sub, 600);
  let tokens = 0;
  const client = createClient({
    url: gateway().url,
    accessToken: () => {
      tokens += 1;
      return tokens === 1 ? first : later;
    },
  });
  const states: string[] = [];
  client.onStateChange(({ state }) => states.push(state));
  try {
    await client.connect();
    const room = client.join('room');
    const titles: unknown[] = [];
    room.on('notification', ({ payload }) => titles.push(payload.title));
    await room.joined;
    // The plain client has the same first token, which its connection does not outlive. The gateway allows it to reconnect.
    await eventually(() => expect(plain.log.connection.state).not.toBe('Connected'));
    expect(tokens).toBe(2);
    await acceptEvents(gateway().url, notification('room', 'still here'), { key: memberKey });
    await eventually(() => expect(titles).toEqual(['still here']));
    expect(states).toEqual(['connecting', 'live']);
  } finally {
    await client.close();
  }
});

describe('a new token that allows fewer rooms', () => {
  test('the rooms are left before the answer of RefreshToken', async () => {
    const sub = randomUUID();
    await using client = await MemberClient.connect(gateway().url, { sub, token: await tokenFor(sub, 600) });
    for (const roomId of ['kept', 'lost']) await client.log.join(roomId);
    const token = await tokenFor(sub, 700, ['kept']);
    const answer = await client.log.connection.invoke<{ tokenLifetimeSeconds: number }>(
      'RefreshToken',
      token,
    );
    expect(answer.tokenLifetimeSeconds).toBeGreaterThan(690);
    expect(client.removals).toEqual([{ room_id: 'lost', reason: 'token' }]);
    await expect(client.log.join('lost')).rejects.toThrow('claim does not name it');
    const events = [notification('lost', 'secret'), notification('kept', 'open')];
    await acceptEvents(gateway().url, events, { key: memberKey });
    await client.log.event(({ room_id }) => room_id === 'kept');
    expect(client.log.events.map(({ room_id }) => room_id)).toEqual(['kept']);
  });

  test('the rooms are left after POST /hubs/events/refresh, as .NET 11 clients send it', async () => {
    const sub = randomUUID();
    const first = await tokenFor(sub, 600);
    const hub = `${gateway().url}/hubs/events`;
    const negotiated = await fetch(`${hub}/negotiate?negotiateVersion=1&access_token=${first}`, {
      method: 'POST',
    });
    const { connectionToken } = (await negotiated.json()) as { readonly connectionToken: string };
    const socket = new WebSocket(`${hub.replace('http', 'ws')}?id=${connectionToken}&access_token=${first}`);
    const texts: string[] = [];
    socket.addEventListener('message', ({ data }) => texts.push(data as string));
    await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
    const join = { type: 1, invocationId: '1', target: 'JoinRoom', arguments: ['lost'] };
    socket.send(`{"protocol":"json","version":1}\u001e${JSON.stringify(join)}\u001e`);
    await eventually(() => expect(texts.join('')).toContain('"roomId":"lost"'));
    const answer = await fetch(`${hub}/refresh`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await tokenFor(sub, 700, ['kept'])}`,
        'x-signalr-connection-token': connectionToken,
      },
    });
    expect(answer.status).toBe(200);
    await eventually(() => expect(texts.join('')).toContain('{"room_id":"lost","reason":"token"}'));
    socket.close();
  });
});

test.each([
  ['of another user', () => tokenFor(randomUUID(), 600), 'belongs to another user'],
  ['that has expired', (sub: string) => tokenFor(sub, -10), 'not accepted'],
  ['that is not a token', async () => 'nonsense', 'not accepted'],
])('RefreshToken refuses a token %s, and the connection keeps its own', async (_, make, reason) => {
  const sub = randomUUID();
  await using client = await MemberClient.connect(gateway().url, { sub });
  await expect(client.log.connection.invoke('RefreshToken', await make(sub))).rejects.toThrow(reason);
  await client.log.join('room');
});
