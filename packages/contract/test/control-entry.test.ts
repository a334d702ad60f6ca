// The form of control entries. Also what programs and older builds read that do not know them.
import { describe, expect, it } from 'vitest';
import {
  CONTROL_EVENT_TYPE,
  CONTROL_ROOM,
  type Control,
  controlRoomWhere,
  encodeControlEntry,
  eventCatalog,
  isControlRoom,
  isRoomId,
  readControlEntry,
} from '../src/index.js';

const stamp = {
  eventId: '7f2c1f0e-5d0c-4b51-9df8-0f7a1f1c9c11',
  userId: '0b8f6f5e-3c51-4c0b-8a53-5b6a5f0f2d10',
  timestamp: '2026-01-16T10:00:00.000Z',
  roomId: CONTROL_ROOM,
};
const erase: Control = {
  kind: 'erase',
  roomId: 'room "1"',
  entries: [{ id: '5-0', eventId: 'a' }, { id: '6-18446744073709551615' }],
};

describe('a control entry', () => {
  it('a control entry is read as it was written', () => {
    expect(readControlEntry(encodeControlEntry(erase, stamp))).toEqual(erase);
  });

  it('a removal and a sign-out are read with the time of the one that was lost, if they have one', () => {
    const user = { userId: 'ana', keepMs: 60_000 };
    const signOut = { kind: 'sign_out', ...user } as const;
    const removal = { kind: 'members', roomId: 'room', change: 'remove', ...user } as const;
    const lost = [signOut, removal].map((control) => ({ ...control, changedMs: 1_000 }));
    for (const control of [signOut, removal, ...lost])
      expect(readControlEntry(encodeControlEntry(control, stamp))).toEqual(control);
  });

  it('a control entry has the form that the protocol describes', () => {
    expect(encodeControlEntry(erase, stamp)).toEqual({
      event_id: stamp.eventId,
      event_type: 'typing_stop',
      timestamp: stamp.timestamp,
      room_id: 'millrace:control',
      payload: `{"user_id":"${stamp.userId}","username":"","is_typing":false}`,
      control:
        '{"v":1,"kind":"erase","room_id":"room \\"1\\"","entries":[{"id":"5-0","event_id":"a"},{"id":"6-18446744073709551615"}]}',
    });
  });

  it('the payload of a control entry is valid for programs that do not know its control field', () => {
    const { payload = '' } = encodeControlEntry(erase, stamp);
    expect(eventCatalog.parsePayload(CONTROL_EVENT_TYPE, JSON.parse(payload)).ok).toBe(true);
  });

  it('an event with a field `control` in another room is not a control entry', () => {
    const fields = encodeControlEntry(erase, { ...stamp, roomId: 'room' });
    expect(readControlEntry(fields)).toBeUndefined();
    expect(readControlEntry({})).toBeUndefined();
  });

  it.each([
    ['version', '{"v":2,"kind":"erase","anything":[]}'],
    ['kind', '{"v":1,"kind":"later"}'],
    ['kind', '{"v":1,"kind":"toString"}'],
    ['malformed', undefined],
    ['malformed', 'no JSON'],
    ['malformed', 'null'],
    ['malformed', '{"v":"1","kind":"erase"}'],
    ['malformed', '{"v":1,"kind":"erase","room_id":"r"}'],
    ['malformed', '{"v":1,"kind":"erase","room_id":"r","entries":[{"id":"x"}]}'],
    ['malformed', '{"v":1,"kind":"erase","room_id":"r","entries":[{"id":"1-1","event_id":7}]}'],
  ])('a control entry that this build cannot follow is ignored as %s: %s', (ignored, control) => {
    const { control: _, ...fields } = encodeControlEntry(erase, stamp);
    expect(readControlEntry(control === undefined ? fields : { ...fields, control })).toEqual({ ignored });
  });

  it('members that a later build added are ignored', () => {
    const control = '{"v":1,"kind":"erase","later":1,"room_id":"r","entries":[{"id":"1-1","more":true}]}';
    expect(readControlEntry({ ...encodeControlEntry(erase, stamp), control })).toEqual({
      kind: 'erase',
      roomId: 'r',
      entries: [{ id: '1-1' }],
    });
  });
});

describe('the rooms of control entries', () => {
  it('a control room cannot be published into or entered, and similar names can', () => {
    for (const room of ['millrace:control', 'millrace:control:', 'millrace:control:7', 'millrace:control:ä'])
      expect([room, isRoomId(room), isControlRoom(room)]).toEqual([room, false, true]);
    for (const room of ['millrace:controls', 'millrace', 'my-millrace:control'])
      expect([room, isRoomId(room), isControlRoom(room)]).toEqual([room, true, false]);
  });

  it('a stream uses the first control room that belongs to it', () => {
    expect(controlRoomWhere(() => true)).toBe('millrace:control');
    expect(controlRoomWhere((room) => room.endsWith(':7'))).toBe('millrace:control:7');
  });
});
