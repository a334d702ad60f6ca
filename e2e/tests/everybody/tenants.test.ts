// Broadcasts where rooms have tenants: `*:<tenant>` is everybody of one tenant, and `*` means the same for a key of this tenant.
import { createClient } from '@millrace/client';
import { freePort, startTcpProxy } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { startRecipe } from '../../fixtures/clients/resume-recipe.js';
import { eventsUrl } from '../../fixtures/clients/stream-reader.js';
import { chatMessage, idsOf } from '../../fixtures/events/sample-events.js';
import { eraseOverHttp } from '../../fixtures/http/erase.js';
import { acceptEvents, refusal } from '../../fixtures/http/ingest.js';
import { read, readPage } from '../../fixtures/http/room-reads.js';
import { jwtSecret, signToken } from '../../fixtures/http/tokens.js';
import { xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const acmeKey = 'a-key-of-the-tenant-acme';
const operatorKey = 'a-key-without-a-tenant';
const acmeRoom = '*:acme';

const system = sharedSystem(() =>
  startOnRedis({
    gateways: 2,
    environment: {
      MILLRACE_JWT_SECRET: jwtSecret,
      MILLRACE_API_KEYS: JSON.stringify([
        { name: 'acme', key: acmeKey, tenant: 'acme', scopes: ['publish', 'erase'] },
        { name: 'operator', key: operatorKey },
      ]),
      MILLRACE_TENANT_PATTERN: '^(?:t:|user:)([^:]+):',
      MILLRACE_PARTITIONS: '3',
    },
  }),
);

const connect = async (sub: string, rooms: readonly string[] = ['*'], query = ''): Promise<EventLog> =>
  EventLog.connect(system().gatewayAt(1).url, { query, token: await signToken({ sub, rooms }) });

/** Sends events to everybody and to everybody of the tenant in turn, and returns their IDs in this order. */
async function broadcastInTurn(url: string, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const event = chatMessage('*', `${n}`);
    await acceptEvents(url, event, { key: n % 2 === 0 ? operatorKey : acmeKey });
    ids.push(event.event_id);
  }
  return ids;
}

test('a broadcast of a tenant reaches all users of this tenant and nobody else, by every way in', async () => {
  const { url, redis, publisher } = system();
  await using ana = await connect('acme:ana');
  await using ben = await connect('acme:ben', []);
  await using others = await connect('globex:cem');
  await using none = await connect('dora');
  const events = ['*', acmeRoom, acmeRoom, acmeRoom, '*'].map((room, n) => chatMessage(room, `${n}`));
  const [byKey, byName, byLibrary, byXadd, last] = events;
  if (
    byKey === undefined ||
    byName === undefined ||
    byLibrary === undefined ||
    byXadd === undefined ||
    last === undefined
  )
    throw new TypeError('there are five events');
  await acceptEvents(url, byKey, { key: acmeKey });
  await acceptEvents(url, byName, { key: acmeKey });
  await publisher.publishEvents([byLibrary]);
  await xaddEvent(redis, byXadd);
  for (const log of [ana, ben]) await log.received(4);
  await acceptEvents(url, last, { key: operatorKey });
  for (const log of [ana, ben]) {
    await log.received(5);
    expect(new Set(log.ids)).toEqual(new Set(idsOf(events)));
    expect(log.events.map(({ room_id }) => room_id)).toEqual([acmeRoom, acmeRoom, acmeRoom, acmeRoom, '*']);
  }
  // The broadcast to everybody is the last event. The other users received it and nothing before it.
  for (const log of [others, none]) expect(idsOf(await log.received(1))).toEqual([last.event_id]);
});

test('a client resumes the broadcasts of its own tenant, and cannot enter those of another one', async () => {
  const { url } = system();
  await using ana = await connect('acme:ana', [], '?resume=1');
  const { position } = await ana.join('*');
  const missed = await broadcastInTurn(url, 4);
  await ana.received(4);
  // Both names mean the same room.
  for (const name of ['*', acmeRoom]) {
    await using back = await connect('acme:ana', [], '?resume=1');
    expect(await back.join(name, position)).toMatchObject({ roomId: '*', recovered: true });
    expect(back.ids.slice(0, 4)).toEqual(missed);
    const { length } = ana.events;
    expect(back.ids).toHaveLength(length);
    await back.connection.invoke('LeaveRoom', name);
    await broadcastInTurn(url, 2);
    await ana.received(length + 2);
    expect(back.ids).toHaveLength(length);
  }
  const own = { authorization: `Bearer ${await signToken({ sub: 'acme:ana', rooms: [] })}` };
  const page = await readPage(url, '*', `?after=${position}&limit=4`, own);
  expect(idsOf(page.events)).toEqual(missed);
  await using other = await connect('globex:cem');
  await expect(other.join(acmeRoom)).rejects.toThrow('You may not enter this room');
  const headers = { authorization: `Bearer ${await signToken({ sub: 'globex:cem', rooms: ['*'] })}` };
  expect(await read(eventsUrl(url, acmeRoom), headers)).toMatchObject({ status: 403 });
  await expect(ana.connection.invoke('SendTyping', acmeRoom, true)).rejects.toThrow(
    'may not send to everybody',
  );
});

test('the key of a tenant cannot send to everybody of another tenant, and erases only its own broadcasts', async () => {
  const { url } = system();
  const refused = { code: 'forbidden', errors: [{ path: '/room_id' }] };
  expect(await refusal(url, chatMessage('*:globex', 'x'), { key: acmeKey })).toMatchObject(refused);
  await using ana = await connect('acme:ana', [], '?resume=1');
  const { position } = await ana.join('*');
  const forAll = chatMessage('*', 'of the operator');
  await acceptEvents(url, forAll, { key: operatorKey });
  await acceptEvents(url, chatMessage('*', 'of the tenant'), { key: acmeKey });
  expect((await eraseOverHttp(url, '/v1/rooms/*/events', acmeKey)).erased).toBeGreaterThanOrEqual(1);
  await using back = await connect('acme:ana', [], '?resume=1');
  await back.join('*', position);
  expect(back.ids).toEqual([forAll.event_id]);
});

test('the client library and the recipe for plain clients resume the broadcasts of everybody and of the tenant as one room', async () => {
  const { url } = system();
  const port = Number(new URL(url).port);
  await using proxy = await startTcpProxy(port);
  const address = `http://127.0.0.1:${proxy.port}`;
  const token = await signToken({ sub: 'acme:ana', rooms: [] });
  const [ofClient, ofRecipe, erased, reloads]: string[][] = [[], [], [], []];
  const client = createClient({ url: address, accessToken: () => token, retryBaseMs: 50 });
  client.onError(() => {}); // The client reports that its gateway is unavailable.
  client.onResync((room) => void reloads?.push(`client: ${room}`));
  client.everybody.on('chat_message', ({ event_id }) => void ofClient?.push(event_id));
  client.everybody.onErased((eventId) => void erased?.push(eventId));
  const recipe = await startRecipe({
    url: `${address}/hubs/events?resume=1`,
    handlers: { chat_message: ({ event_id }) => void ofRecipe?.push(event_id) },
    reload: (room) => void reloads?.push(`recipe: ${room}`),
    http: { accessTokenFactory: () => token },
    retryMs: 50,
  });
  try {
    await client.connect();
    await recipe.join('*');
    const sent = [...(await broadcastInTurn(url, 4))];
    const haveAll = (): void => {
      expect(ofClient).toEqual(sent);
      expect(ofRecipe).toEqual(sent);
    };
    await eventually(haveAll);
    for (let round = 0; round < 2; round += 1) {
      proxy.switchTo(await freePort());
      proxy.cut();
      sent.push(...(await broadcastInTurn(url, 6)));
      proxy.switchTo(port);
      await eventually(haveAll);
      sent.push(...(await broadcastInTurn(url, 2)));
      await eventually(haveAll);
    }
    // The plain client loads the room at its first join.
    expect(reloads).toEqual(['recipe: *']);
    await eraseOverHttp(url, `/v1/events/${sent.at(-1)}`, acmeKey);
    await eventually(() => expect(erased).toEqual([sent.at(-1)]));
  } finally {
    recipe.stop();
    await client.close();
  }
});
