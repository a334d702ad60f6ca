// Erased events in entries that are read from the streams for a client that comes back.
import { randomUUID } from 'node:crypto';
import type { Entry } from '@millrace/broker';
import { CONTROL_ROOM, type ErasedEntry, encodeControlEntry, eventCatalog } from '@millrace/contract';
import { expect, it } from 'vitest';
import { concernsRoom, type OlderEntry, toOlderCalls } from '../../src/replay/older-calls.js';

const stream = 'events:notification';

function notification(id: string, eventId: string, roomId = 'room'): Entry {
  const fields = eventCatalog.encodeEntry({
    event_id: eventId,
    event_type: 'notification',
    timestamp: '2026-01-16T10:00:00Z',
    room_id: roomId,
    payload: { title: id },
  });
  return { id, fields };
}

function erasure(id: string, entries: readonly ErasedEntry[], roomId = 'room'): Entry {
  const stamp = {
    eventId: randomUUID(),
    userId: randomUUID(),
    timestamp: '2026-01-16T10:00:00Z',
    roomId: CONTROL_ROOM,
  };
  return { id, fields: encodeControlEntry({ kind: 'erase', roomId, entries }, stamp) };
}

/** Returns the calls for the entries of the room, as target, event ID and position. */
function callsOf(entries: readonly Entry[], isErased: (id: string) => boolean = () => false) {
  const older: OlderEntry[] = entries
    .filter((entry) => concernsRoom(entry, 'room'))
    .map((entry) => ({ stream, entry }));
  return toOlderCalls(older, {
    roomId: 'room',
    cursors: new Map([[stream, '0-0']]),
    catalog: eventCatalog,
    isErased: (_stream, id) => isErased(id),
    encode: (cursors) => cursors.get(stream) ?? '',
  }).map(({ target, text }) => {
    const { event_id, position } = JSON.parse(text) as { event_id: string; position: string };
    return `${target} ${event_id} ${position}`;
  });
}

const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];

it('an event that a later entry erases is left out, and the client is told in the place of the control entry', () => {
  const entries = [
    notification('1-0', a),
    notification('2-0', b),
    erasure('3-0', [{ id: '1-0', eventId: a }]),
    notification('4-0', c),
  ];
  expect(callsOf(entries)).toEqual([
    `notification ${b} 2-0`,
    `event_erased ${a} 3-0`,
    `notification ${c} 4-0`,
  ]);
});

it('a repeat behind the control entry is left out, and so is an entry that the gateway knows to be erased', () => {
  const entries = [
    erasure('3-0', [{ id: '1-0', eventId: a }]),
    notification('4-0', a),
    notification('5-0', b),
  ];
  expect(callsOf(entries)).toEqual([`event_erased ${a} 3-0`, `notification ${b} 5-0`]);
  expect(callsOf(entries, (id) => id === '5-0')).toEqual([`event_erased ${a} 3-0`]);
});

it('the last message of a control entry has the position after the entry, and the earlier ones have the position before it', () => {
  const entries = [erasure('3-0', [{ id: '1-0', eventId: a }, { id: '1-1' }, { id: '2-0', eventId: b }])];
  expect(callsOf(entries)).toEqual([`event_erased ${a} 2-18446744073709551615`, `event_erased ${b} 3-0`]);
});

it('a client is told nothing by control entries of other rooms, of later builds and without event IDs', () => {
  const later = erasure('4-0', []);
  const entries = [
    erasure('1-0', [{ id: '0-1', eventId: a }], 'elsewhere'),
    erasure('2-0', [{ id: '0-1' }]),
    { ...later, fields: { ...later.fields, control: '{"v":9,"kind":"erase"}' } },
    notification('5-0', c),
  ];
  expect(callsOf(entries)).toEqual([`notification ${c} 5-0`]);
});

it('the newest event of a key in one room does not replace that of another room in the same replay', () => {
  const receipt = (id: string, roomId: string): OlderEntry => {
    const fields = eventCatalog.encodeEntry({
      event_id: randomUUID(),
      event_type: 'read_receipt',
      timestamp: '2026-01-16T10:00:00Z',
      room_id: roomId,
      payload: { user_id: a, message_ids: [b] },
    });
    return { stream, entry: { id, fields } };
  };
  const entries = [receipt('1-0', '*'), receipt('2-0', '*:acme'), receipt('3-0', '*')];
  const calls = toOlderCalls(entries, {
    roomId: '*',
    cursors: new Map([[stream, '0-0']]),
    catalog: eventCatalog,
    isErased: () => false,
    encode: (cursors) => cursors.get(stream) ?? '',
  });
  const rooms = calls.map(({ text }) => (JSON.parse(text) as { room_id: string }).room_id);
  expect(rooms).toEqual(['*:acme', '*']);
});
