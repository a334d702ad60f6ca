import { describe, expect, it } from 'vitest';
import { mayEnterRoom, personalRoomOf, resolveRoomAlias } from '../../src/auth/room-access.js';

const may = (roomId: string, rooms: readonly string[]) => mayEnterRoom(roomId, { userId: 'ana', rooms });

describe('mayEnterRoom', () => {
  it('every user may enter the user’s own personal room', () => {
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
    ['*', [], true],
    ['*:acme', [], false],
    ['*:acme', ['*'], false],
    ['*:acme', ['*:acme'], true],
    ['*:acme', ['*:*'], true],
    ['Ticket-1', ['ticket-1'], false],
  ])(
    'mayEnterRoom for room %s and a user with the `rooms` claim %j returns %s',
    (roomId, rooms, expected) => {
      expect(may(roomId, rooms)).toBe(expected);
    },
  );
});
