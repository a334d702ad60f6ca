// An application asks the gateway who is connected.
import { randomUUID } from 'node:crypto';
import { type AppPresence, defineApp } from '@millrace/gateway';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

/** Returns an application and the presence that it was given. */
function askingApp() {
  const given: { presence?: AppPresence | undefined } = {};
  const app = defineApp({
    http({ presence }) {
      given.presence = presence;
      return undefined;
    },
  });
  return { app, given };
}

test('an application is told who is in a room, and who is online', async () => {
  const { app, given } = askingApp();
  await using gateway = await EmbeddedGateway.start({ app, presenceGraceMs: 100 });
  const [room, user] = [randomUUID(), randomUUID()];
  const client = await EventLog.connectAs(gateway.url, user, 'Ana');
  await client.join(room);
  await eventually(async () => {
    const member = { user_id: user, username: 'Ana', connections: 1 };
    expect(await given.presence?.members(room)).toMatchObject({ users: 1, members: [member] });
  });
  expect(await given.presence?.online(user)).toMatchObject({ online: true, connections: 1 });
  await client.connection.stop();
  await eventually(async () => {
    expect(await given.presence?.members(room)).toMatchObject({ users: 0, members: [] });
  });
  expect(await given.presence?.online(user)).toEqual({ user_id: user, online: false, connections: 0 });
});

test('an application is given no presence where presence is switched off', async () => {
  const { app, given } = askingApp();
  await using _ = await EmbeddedGateway.start({ app, isPresenceOn: false });
  expect(given).toEqual({ presence: undefined });
  expect('presence' in given).toBe(true);
});
