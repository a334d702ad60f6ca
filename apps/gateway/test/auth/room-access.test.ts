import { describe, expect, it } from 'vitest';
import { mayEnterRoom, personalRoomOf, resolveRoomAlias } from '../../src/auth/room-access.js';

const may = (roomId: string, rooms: readonly string[]) => mayEnterRoom(roomId, { userId: 'ana', rooms });

describe('mayEnterRoom', () => {
  it('every user may enter their personal room', () => {
    expect(may(personalRoomOf('ana'), [])).toBe(true);
    expect(may(resolveRoomAlias('user:me', 'ana'), [])).toBe(true);
  });

  it.each([
    ['ticket-1', ['ticket-1'], true],
    ['ticket-1', ['ticket-2'], false],
    ['ticket-1', [], false],
    ['ticket-1', ['ticket-*'], true],
    ['ticket-', ['ticket-*'], true],
    ['ticket', ['ticket-*'], false],
    ['anything', ['*'], true],
    ['a*b', ['a*b'], true],
    ['axb', ['a*b'], false],
    ['user:bob', ['*'], false],
    ['user:bob', ['u*'], false],
    ['user:bob', ['user:bob'], true],
    ['user:bob', ['user:*'], true],
    ['Ticket-1', ['ticket-1'], false],
  ])('the answer for room %s and a user with the `rooms` claim %j is %s', (roomId, rooms, expected) => {
    expect(may(roomId, rooms)).toBe(expected);
  });
});
