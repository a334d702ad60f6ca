import { describe, expect, it } from 'vitest';
import { ShownUsers } from '../../src/indicators/shown-users.js';

const ana = { user_id: 'ana', username: 'Ana' };
const bob = { user_id: 'bob', username: 'Bob' };

describe('ShownUsers', () => {
  it('the users who are typing in a room are listed in the order in which they began', () => {
    const typing = new ShownUsers({ expiryMs: 10_000, maxRooms: 10 });
    typing.start('room', ana, 0);
    typing.start('room', bob, 1);
    typing.start('other', bob, 1);
    expect(typing.list('room', 2)).toEqual([ana, bob]);
    typing.stop('room', 'ana');
    typing.stop('room', 'nobody');
    typing.stop('nowhere', 'ana');
    expect(typing.list('room', 2)).toEqual([bob]);
    expect(typing.list('nowhere', 2)).toEqual([]);
  });

  it('two user IDs that differ only in case are the same user only if they are UUIDs', () => {
    const typing = new ShownUsers({ expiryMs: 10_000, maxRooms: 10 });
    const upper = { user_id: '3F2504E0-4F89-41D3-9A0C-0305E82C3301', username: 'Ana' };
    typing.start('room', upper, 0);
    typing.start('room', { ...upper, user_id: upper.user_id.toLowerCase() }, 1);
    expect(typing.list('room', 2)).toHaveLength(1);
    typing.stop('room', upper.user_id.toLowerCase());
    expect(typing.list('room', 2)).toEqual([]);
    typing.start('room', ana, 3);
    typing.stop('room', 'ANA');
    expect(typing.list('room', 4)).toEqual([ana]);
  });

  it('a user is no longer listed after the expiry time, and each new start extends this time', () => {
    const typing = new ShownUsers({ expiryMs: 10_000, maxRooms: 10 });
    typing.start('room', ana, 0);
    typing.start('room', bob, 0);
    typing.start('room', ana, 5_000);
    expect(typing.list('room', 10_000)).toEqual([ana]);
    expect(typing.list('room', 15_000)).toEqual([]);
  });

  it('the number of rooms is bounded, and the room without a start for the longest time is forgotten', () => {
    const typing = new ShownUsers({ expiryMs: 10_000, maxRooms: 2 });
    typing.start('a', ana, 0);
    typing.start('b', ana, 1);
    typing.start('a', bob, 2);
    typing.start('c', ana, 3);
    expect(typing.list('b', 4)).toEqual([]);
    expect(typing.list('a', 4)).toEqual([ana, bob]);
  });

  it('the list of typing users contains only the ID and the name of each user', () => {
    const typing = new ShownUsers({ expiryMs: 10_000, maxRooms: 2 });
    typing.start('a', { ...ana, secret: 'x' } as typeof ana, 0);
    expect(typing.list('a', 1)).toEqual([ana]);
  });
});
