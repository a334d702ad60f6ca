// Extra fields are kept and passed on, whatever their names are.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { startEmbedded } from '../../fixtures/systems/embedded-gateway.js';

test('fields named like parts of JavaScript objects arrive as they were sent', async () => {
  await using system = await startEmbedded();
  await using client = await EventLog.connect(system.url);
  const roomId = randomUUID();
  await client.join(roomId);
  const payload = '{"type":"info","title":"x","constructor":{"prototype":{"polluted":true}},"toString":1}';
  const response = await fetch(`${system.url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"event_type":"notification","room_id":"${roomId}","payload":${payload},"__proto__":{"room_id":"elsewhere"}}`,
  });
  expect(response.status).toBe(201);
  const [event] = await client.received(1);
  expect(event?.room_id).toBe(roomId);
  expect(JSON.stringify(event?.payload)).toBe(payload);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});
