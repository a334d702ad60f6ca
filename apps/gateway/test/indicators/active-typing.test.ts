import { describe, expect, it } from 'vitest';
import { ActiveTyping } from '../../src/indicators/active-typing.js';
import { unguarded } from '../support/unguarded.js';

describe('ActiveTyping', () => {
  const setUp = () => new ActiveTyping({ expiryMs: 10_000, maxRoomsPerUser: 2 });

  it('the rooms in which a user is typing are returned when the user’s last connection ends', () => {
    const activeTyping = setUp();
    activeTyping.connected('ana');
    activeTyping.connected('ana');
    activeTyping.update('ana', unguarded('r'), true, 0);
    activeTyping.update('ana', unguarded('s'), true, 0);
    activeTyping.update('ana', unguarded('s'), false, 1);
    expect(activeTyping.disconnected('ana', 2)).toEqual([]);
    expect(activeTyping.disconnected('ana', 2)).toEqual(['r']);
    expect(activeTyping.disconnected('ana', 2)).toEqual([]);
  });

  it('no rooms are returned for a user whose typing has expired, or who never connected', () => {
    const activeTyping = setUp();
    activeTyping.connected('ana');
    activeTyping.update('ana', unguarded('r'), true, 0);
    activeTyping.update('nobody', unguarded('r'), true, 0);
    expect(activeTyping.disconnected('ana', 10_000)).toEqual([]);
    expect(activeTyping.disconnected('nobody', 0)).toEqual([]);
  });

  it('the number of remembered rooms of a typing user is bounded', () => {
    const activeTyping = setUp();
    activeTyping.connected('ana');
    for (const room of ['a', 'b', 'a', 'c']) activeTyping.update('ana', unguarded(room), true, 0);
    expect(activeTyping.disconnected('ana', 1)).toEqual(['a', 'c']);
  });
});
