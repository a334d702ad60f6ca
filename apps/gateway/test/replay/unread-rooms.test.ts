// The events of several rooms are read in the order of delivery, with few steps for each event.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RingEntry } from '../../src/replay/replay-share.js';
import { type UnreadRoom, UnreadRooms } from '../../src/replay/unread-rooms.js';

/** Returns a room with events that have these sequence numbers. `onLook` is called whenever its events are looked at. */
function unreadRoom(room: number, sequences: readonly number[], onLook = (): void => {}): UnreadRoom {
  const entries = sequences.map((sequence) => ({ sequence }) as RingEntry); // Only the sequence number is used.
  return {
    room,
    index: 0,
    mayReceive: () => true,
    get entries() {
      onLook();
      return entries;
    },
  };
}

/** Reads all events. Returns the sequence number and the room of each. */
function readAll(rooms: readonly UnreadRoom[]): string[] {
  const unread = new UnreadRooms(rooms);
  const read: string[] = [];
  for (let next = unread.oldest; next !== undefined; next = unread.oldest) {
    read.push(`${next.entries[next.index]?.sequence} ${next.room}`);
    unread.readOldest();
  }
  return read;
}

it('the events of random rooms are read in the order of delivery, and an event of several rooms in the order of the rooms', () => {
  const sequences = fc.uniqueArray(fc.nat(60)).map((list) => list.sort((a, b) => a - b));
  fc.assert(
    fc.property(fc.array(sequences, { maxLength: 12 }), (rooms) => {
      const sorted = rooms
        .flatMap((list, room) => list.map((sequence) => ({ sequence, room })))
        .sort((a, b) => a.sequence - b.sequence || a.room - b.room);
      const read = readAll(rooms.map((list, room) => unreadRoom(room, list)));
      expect(read).toEqual(sorted.map(({ sequence, room }) => `${sequence} ${room}`));
    }),
  );
});

it('reading an event of a client that is in 1,000 rooms looks at few of these rooms', () => {
  let looks = 0;
  const roomCount = 1_000;
  const rooms = Array.from({ length: roomCount }, (_, room) => {
    const sequences = [0, 1, 2].map((round) => round * roomCount + ((room * 7_919) % roomCount));
    return unreadRoom(room, sequences, () => {
      looks += 1;
    });
  });
  expect(readAll(rooms)).toHaveLength(3 * roomCount);
  expect(looks / (3 * roomCount)).toBeLessThan(100);
});
