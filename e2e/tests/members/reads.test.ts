// A user who was removed, or signed out, reads over HTTP.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { eventsUrl } from '../../fixtures/clients/stream-reader.js';
import { idsOf, lastingEvents } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { addMember, memberKey, removeMember, signOut } from '../../fixtures/http/members.js';
import { read } from '../../fixtures/http/room-reads.js';
import { signToken } from '../../fixtures/http/tokens.js';
import { MemberGateways } from '../../fixtures/systems/member-gateways.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const system = sharedSystem(() => MemberGateways.start(3));

test('a removed reader is refused in every form, open polls and streams end, and an added one is sent nothing from between', async () => {
  const [sub, roomId] = [randomUUID(), randomUUID()];
  const headers = { authorization: `Bearer ${await signToken({ sub, rooms: ['*'] })}` };
  const [first = '', second = ''] = system().urls;
  const { next } = (await read(eventsUrl(first, roomId), headers)).body;
  const poll = read(eventsUrl(second, roomId, `?after=${next}&wait=20`), headers);
  const stream = await fetch(eventsUrl(first, roomId, `?after=${next}`), {
    headers: { ...headers, accept: 'text/event-stream' },
  });
  const text = stream.text().catch(() => 'cut');
  await removeMember(first, roomId, sub);
  expect((await poll).body).toMatchObject({ status: 403, code: 'room_forbidden' });
  const events = lastingEvents(roomId, 4);
  await acceptEvents(first, events, { key: memberKey });
  for (const id of idsOf(events)) expect(await text).not.toContain(id);
  for (const url of system().urls)
    for (const query of ['', `?after=${next}`, `?after=${next}&wait=1`])
      await eventually(async () => {
        const { body } = await read(eventsUrl(url, roomId, query), headers);
        expect(body).toMatchObject({ status: 403, code: 'room_forbidden' });
      });
  await addMember(second, roomId, sub);
  for (const url of system().urls)
    await eventually(async () => {
      const { status, body } = await read(eventsUrl(url, roomId, `?after=${next}`), headers);
      expect(status).toBe(200);
      expect(body).toMatchObject({ events: [], recovered: false });
    });
  await signOut(first, sub);
  for (const url of system().urls)
    await eventually(async () =>
      expect((await read(eventsUrl(url, roomId), headers)).body).toMatchObject({ code: 'token_refused' }),
    );
});
