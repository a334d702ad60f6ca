// The messages that clients of every hub receive when their gateway finds a loss in a stream.
import { fakeClock } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { LossNotices, UNRECOVERABLE_POSITION } from '../../src/rooms/loss-notices.js';
import { StreamLosses, type StreamLossesDependencies } from '../../src/rooms/stream-losses.js';
import { createReplayWorld } from '../support/replay-world.js';

it('a loss that is found late is followed by a position that does not hide it, for the affected clients of every hub', () => {
  const { positions, replay } = createReplayWorld();
  const lossNotices = new LossNotices({ clock: fakeClock(), random: Math.random });
  const told: string[] = [];
  const listen = (name: string, isAffected: boolean): void =>
    lossNotices.add(name, {
      noteLoss: () => isAffected,
      notify: () => {},
      tellPosition: (position) => void told.push(`${name} ${position}`),
    });
  listen('client of a view', true);
  listen('client in other rooms', false);
  const ignored = { inc: () => {} };
  const losses = new StreamLosses({
    rooms: { positions, replay, lossNotices },
    metrics: { gaps: ignored, dropped: ignored },
    logger: { error: () => {} },
  } as unknown as StreamLossesDependencies); // The parts that a gap uses.
  losses.gap('events:chat', 3, true);
  expect(told).toEqual([]);
  losses.gap('events:chat', 3, false);
  const before = positions.ofEveryRoomAt((stream) =>
    stream === 'events:chat' ? UNRECOVERABLE_POSITION : undefined,
  );
  expect(told).toEqual([`client of a view ${before}`]);
});
