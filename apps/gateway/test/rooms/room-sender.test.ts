// Calls that are sent to a room together, such as the erasures of one control entry.
import type { PreparedCall } from '@millrace/signalr';
import { expect, it } from 'vitest';
import { RoomSender, type RoomSenderDependencies } from '../../src/rooms/room-sender.js';

/** A hub whose connections leave their groups as soon as a call is queued to them, as a full queue makes them do. */
function hubThatFillsAtOnce(members: Map<string, string[]>) {
  const queued: string[] = [];
  const receivers = (ids: readonly string[]) => ({
    relay({ target }: PreparedCall) {
      for (const id of ids) queued.push(`${target} to ${id}`);
      members.clear();
      return ids.length;
    },
  });
  const hub = {
    groups: {
      count: (group: string) => members.get(group)?.length ?? 0,
      members: (group: string) =>
        (members.get(group) ?? []).map((connectionId) => ({
          connectionId,
          userId: `user of ${connectionId}`,
        })),
    },
    clients: {
      clients: receivers,
      group: (group: string) => receivers(members.get(group) ?? []),
    },
  };
  return { hub, queued };
}

const call = (target: string): PreparedCall => ({ target }) as PreparedCall;

it('a client whose queue is filled by the first of several erasures gets the other ones, too', () => {
  const { hub, queued } = hubThatFillsAtOnce(new Map([['room', ['a', 'b']]]));
  const rooms = { lossNotices: { isEmpty: true }, revocations: { forbiddenIn: () => ['user of b'] } };
  const dependencies = { hub, rooms } as unknown as RoomSenderDependencies;
  const place = { roomId: 'room', stream: 'events:chat', id: '1-0' };
  new RoomSender(dependencies).relay(place, [call('first'), call('second')], () => []);
  expect(queued).toEqual(['first to a', 'second to a']);
});
