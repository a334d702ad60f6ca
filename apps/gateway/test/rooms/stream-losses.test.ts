// The messages that clients of every hub receive when their gateway finds a loss in a stream.
import { type Position, parsePosition } from '@millrace/broker';
import { fakeClock } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { LossNotices, UNRECOVERABLE_POSITION } from '../../src/rooms/loss-notices.js';
import { at, createReplayWorld } from '../support/replay-world.js';
import { streamLosses } from '../support/room-connection.js';

const CHAT = 'events:chat';

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
  const losses = streamLosses({ positions, replay }, lossNotices);
  losses.gap('events:chat', 3, true);
  expect(told).toEqual([]);
  losses.gap('events:chat', 3, false);
  const before = positions.ofEveryRoomAt((stream) =>
    stream === 'events:chat' ? UNRECOVERABLE_POSITION : undefined,
  );
  expect(told).toEqual([`client of a view ${before}`]);
});

describe('a client that comes back with a position from before a loss was found', () => {
  async function openWorld() {
    const world = createReplayWorld();
    const { replay, deliver, positions } = world;
    const losses = streamLosses(world, new LossNotices({ clock: fakeClock(), random: Math.random }));
    for (const content of ['1', '2', '3']) deliver(content);
    return {
      ...world,
      losses,
      positionNow: () => parsePosition(positions.ofRoom('room')),
      /** Returns whether a client is told that it has received everything. */
      async isRecovered(after: Position): Promise<boolean> {
        const outcome = await replay.catchUp(world.target(), after);
        return outcome !== 'unknown' && outcome.recovered;
      },
      async readsOn(after: Position): Promise<boolean> {
        const limits = { maxEvents: 10, maxBytes: 10_000 };
        return typeof (await replay.page(world.target(), after, limits)) === 'object';
      },
    };
  }

  it('the client must reload, because the position hides the loss, and a reader over HTTP must, too', async () => {
    const { losses, deliver, positionNow, isRecovered, readsOn } = await openWorld();
    const [earlier, newest] = [at('2-0'), positionNow()];
    expect([await isRecovered(newest), await readsOn(newest)]).toEqual([true, true]);
    losses.gap(CHAT, 1, false);
    // No stream has moved. So this may be the position of a client that was told of the loss, or of one that was not.
    for (const after of [earlier, newest])
      expect([await isRecovered(after), await readsOn(after)]).toEqual([false, false]);
    deliver('4');
    for (const after of [earlier, newest])
      expect([await isRecovered(after), await readsOn(after)]).toEqual([false, false]);
    expect([await isRecovered(positionNow()), await readsOn(positionNow())]).toEqual([true, true]);
  });

  it('a client need not reload if another stream has moved to its position since the loss was found', async () => {
    const { losses, isRecovered } = await openWorld();
    losses.gap('events:ticket', 1, false);
    expect(await isRecovered(at('3-0'))).toBe(false);
    expect(await isRecovered(at('2-0'))).toBe(false);
    const { losses: again, deliver, isRecovered: isRecoveredThen } = await openWorld();
    again.gap('events:ticket', 1, false);
    deliver('4');
    expect(await isRecoveredThen(at('4-0'))).toBe(true);
  });

  it('a loss that was known before later events were sent hides in no position, and one before a reset of the stream does not count', async () => {
    const { losses, isRecovered, positionNow } = await openWorld();
    losses.gap(CHAT, 1, true);
    expect(await isRecovered(positionNow())).toBe(true);
    losses.gap(CHAT, 1, false);
    expect(await isRecovered(positionNow())).toBe(false);
    losses.reset(CHAT, '3-0');
    expect(await isRecovered(positionNow())).toBe(true);
  });
});
