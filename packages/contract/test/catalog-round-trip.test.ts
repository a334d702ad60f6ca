// The shortest use of the contract: parse an event, write it as an entry, read it back.
import { eventCatalog } from '@millrace/contract';
import { expect, test } from 'vitest';

const event = {
  event_id: '0b8f7f0e-3c1d-4a52-9c1e-6f0e3f3f7d11',
  event_type: 'typing_start',
  timestamp: '2026-01-16T12:00:00.123Z',
  room_id: 'abc123',
  payload: { user_id: '7c9e6679-7425-40de-944b-e07fc1f90ae7', username: 'Ada', is_typing: true },
};

test('an event stays the same when it is written as a stream entry and read back', () => {
  const entry = eventCatalog.parseEntry(eventCatalog.encodeEntry(eventCatalog.assertEvent(event)));
  expect(entry).toMatchObject({ ok: true, value: { event, payloadText: JSON.stringify(event.payload) } });
});
