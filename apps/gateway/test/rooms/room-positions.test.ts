// A room's position names only the room's plain streams and partitions. It must never be used for a room in another
// partition.
import {
  createMemoryBroker,
  encodePosition,
  Partitioning,
  type Position,
  parsePosition,
  partitionOf,
  type Subscriber,
} from '@millrace/broker';
import { describe, expect, it } from 'vitest';
import { newEpoch } from '../../../../packages/broker/src/positions/epoch.js';
import { RoomPositions } from '../../src/rooms/room-positions.js';

const STREAMS = [
  { name: 'chat', maxLength: 10 },
  { name: 'ticket', maxLength: 10 },
];

/** Names of rooms. With three partitions, `ROOM` and `OTHER` are in different partitions. */
const [ROOM, NEIGHBOUR, OTHER] = ['ticket-42', 'ticket-42b', 'ticket-43'] as const;

function setUp(partitions = 3) {
  const streams = STREAMS.map((stream) => ({ ...stream, partitions }));
  const broker = createMemoryBroker({ streams });
  const names = broker.partitioning.streams.map(({ name }) => name);
  let ms = 1;
  const place = (stream: string) => ({
    epoch: `e${names.indexOf(stream)}`,
    cursor: `${ms}-${names.indexOf(stream)}`,
  });
  const subscriber: Pick<Subscriber, 'position' | 'currentPosition' | 'reportedTip'> = {
    reportedTip: () => undefined,
    position: (of, scope) => encodePosition((of ?? names).map(place), scope),
    currentPosition: (of) => (of ?? names).map(place),
  };
  const positions = new RoomPositions(broker, () => subscriber);
  return { positions, broker, moveOn: () => void (ms += 1) };
}

const cursorsOf = (positions: RoomPositions, position: Position) =>
  new Map(
    positions.streamPositionsOf(ROOM, position)?.map(({ stream, position: { cursor } }) => [stream, cursor]),
  );

it('a room’s position names every plain stream and the room’s partition of each stream', () => {
  const { positions } = setUp();
  const own = partitionOf(ROOM, 3);
  const position = positions.ofRoom(ROOM);
  expect(position.startsWith(`${own}~`)).toBe(true);
  expect(parsePosition(position).map(({ epoch }) => epoch)).toEqual([
    'e0',
    `e${own + 1}`,
    'e4',
    `e${own + 5}`,
  ]);
});

it('a position names no scope if no stream is partitioned', () => {
  const { positions } = setUp(1);
  expect(positions.ofRoom(ROOM)).toBe('e0-1.e1-1-1');
  expect(positions.ofEveryRoom()).toBe(positions.ofRoom(OTHER));
});

it('the cursors of a room are found in a position of this room and in a position of every room', () => {
  const { positions, broker, moveOn } = setUp();
  const { streams } = broker.partitioning.scopeOf(ROOM);
  const own = parsePosition(positions.ofRoom(ROOM));
  const all = parsePosition(positions.ofEveryRoom());
  moveOn();
  const expected = new Map(streams.map((stream, index) => [stream, own[index]?.cursor]));
  expect(cursorsOf(positions, own)).toEqual(expected);
  expect(cursorsOf(positions, all)).toEqual(expected);
});

it('the position of a room in another partition is refused', () => {
  const { positions } = setUp();
  expect(partitionOf(OTHER, 3)).not.toBe(partitionOf(ROOM, 3));
  expect(positions.streamPositionsOf(OTHER, parsePosition(positions.ofRoom(ROOM)))).toBeUndefined();
  expect(positions.streamPositionsOf(ROOM, parsePosition('e0-1.e4-1'))).toBeUndefined();
});

describe('between gateways with different streams', () => {
  const extra = newEpoch('extra');

  it('a stream that only the other gateway has is ignored', () => {
    const { positions } = setUp(1);
    const position = parsePosition(`${extra}-7.e0-5.e1-6`);
    expect(positions.streamPositionsOf(ROOM, position)).toEqual([
      { stream: 'chat', position: { epoch: 'e0', cursor: '5-0' } },
      { stream: 'ticket', position: { epoch: 'e1', cursor: '6-0' } },
    ]);
  });

  it('a stream that only this gateway has is read from its first stored entry', () => {
    const { positions } = setUp(1);
    expect(positions.streamPositionsOf(ROOM, parsePosition(`e1-6.${extra}-7`))).toEqual([
      { stream: 'chat', position: { epoch: 'e0', cursor: '0-0' }, isFromStart: true },
      { stream: 'ticket', position: { epoch: 'e1', cursor: '6-0' } },
    ]);
  });

  it.each([
    ['an epoch that is no longer known', newEpoch('chat')],
    ['an epoch of a build whose epochs do not name the stream', '01234567'],
  ])('%s is assigned to the stream that no other part of the position names', (_, epoch) => {
    const { positions } = setUp(1);
    expect(positions.streamPositionsOf(ROOM, parsePosition(`e1-6.${extra}-7.${epoch}-5`))?.[0]).toEqual({
      stream: 'chat',
      position: { epoch, cursor: '5-0' },
    });
  });

  it('parts with unknown epochs are assigned to streams by index if there are as many parts as streams', () => {
    const { positions } = setUp(1);
    expect(positions.streamPositionsOf(ROOM, parsePosition('11111111-5.22222222-6'))).toEqual([
      { stream: 'chat', position: { epoch: '11111111', cursor: '5-0' } },
      { stream: 'ticket', position: { epoch: '22222222', cursor: '6-0' } },
    ]);
  });

  it('a position that names no stream of this gateway is refused', () => {
    const { positions } = setUp(1);
    expect(positions.streamPositionsOf(ROOM, parsePosition(`${extra}-7`))).toBeUndefined();
    expect(positions.streamPositionsOf(ROOM, [])).toBeUndefined();
  });
});

it('a room has the plain streams and its own partitions, and no other partition', () => {
  const { positions, broker } = setUp();
  const { streams } = broker.partitioning.scopeOf(ROOM);
  const own = broker.partitioning.streams.filter(({ name }) => positions.belongs(ROOM, name));
  expect(own.map(({ name }) => name)).toEqual(streams);
  expect(new Partitioning(STREAMS, new Map()).scopeOf(NEIGHBOUR).streams).toEqual(['chat', 'ticket']);
});
