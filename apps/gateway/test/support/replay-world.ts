// Creates a replay to which tests deliver events, without a gateway.
import { randomUUID } from 'node:crypto';
import {
  createMemoryBroker,
  type Entry,
  type EntryId,
  encodePosition,
  type Position,
} from '@millrace/broker';
import { eventCatalog } from '@millrace/contract';
import { PreparedCall } from '@millrace/signalr';
import type { Revocations } from '../../src/membership/revocations.js';
import { Replay } from '../../src/replay/replay.js';
import { RoomPositions } from '../../src/rooms/room-positions.js';

const epochOf = (stream: string): string => stream.slice('events:'.length);
/** Returns the position of a client that has seen the chat stream up to the entry `chat`, and nothing of the other streams. */
export const at = (chat: string, over: Partial<{ epoch: string }> = {}): Position =>
  eventCatalog.streams.map(({ name }) => ({
    epoch: epochOf(name),
    ...over,
    cursor: name === 'events:chat' ? chat : '0-0',
  }));

/** Revocations of a gateway on which no user was removed or signed out. */
export const noRevocations: Pick<Revocations, 'statusOf' | 'accessOf' | 'isSignedOut'> = {
  statusOf: () => 'member',
  accessOf: () => undefined,
  isSignedOut: () => false,
};

/** Creates the replay and the functions with which tests use it. `options` are options of the replay. */
export function createReplayWorld(options: { maxEventsPerRoom?: number; maxBytesPerRoom?: number } = {}) {
  let current = at('0-0');
  /** The report of the last heartbeat. It names no newer entry, so a position ahead of the gateway counts as lost. */
  const told = { lastId: '0-0', askedAtMs: Number.POSITIVE_INFINITY };
  const broker = createMemoryBroker({ streams: eventCatalog.streams });
  const positions = new RoomPositions(broker, () => ({
    position: () => encodePosition(current),
    currentPosition: (streams) =>
      current.filter((_, index) => streams?.includes(eventCatalog.streams[index]?.name ?? '') ?? true),
    reportedTip: () => told,
  }));
  const replay = new Replay(
    {
      catalog: eventCatalog,
      windowMs: 300_000,
      maxRingBytes: 10_000_000,
      maxEventsPerRoom: 100,
      maxBytesPerRoom: 1_000_000,
      ...options,
    },
    broker,
    positions,
  );
  for (const { name } of eventCatalog.streams) replay.ring.begin(name, '0-0');
  /** The events that were delivered, as entries of the chat stream. */
  const entries: Entry[] = [];
  let last = 0;
  /** @param onAdvance called when the position includes the event, before the event is delivered */
  const deliver = (content: string, roomId = 'room', onAdvance = (): void => {}): void => {
    last += 1;
    const id = `${last}-0`;
    current = at(id);
    onAdvance();
    const payload = {
      id: randomUUID(),
      request_id: randomUUID(),
      content,
      sequence_number: last,
      is_screenshot: false,
      created_at: '2026-01-16T10:00:00Z',
    };
    const fields = eventCatalog.encodeEntry({
      event_id: randomUUID(),
      event_type: 'chat_message',
      timestamp: '2026-01-16T10:00:00Z',
      room_id: roomId,
      payload,
    });
    entries.push({ id, fields });
    const parsed = eventCatalog.parseEntry(fields);
    if (!parsed.ok) throw new Error('the sample is invalid');
    const text = JSON.stringify({ content, position: encodePosition(current) });
    replay.remember('events:chat', id, parsed.value, new PreparedCall('chat_message', text));
  };
  /** Removes all entries of the chat stream, and a newer one that was not delivered. Returns its ID. */
  const trimUnread = (): EntryId => {
    last += 1;
    entries.length = 0;
    return `${last}-0`;
  };
  const target = (
    over: {
      send?: (event: { readonly text: string }) => void;
      flushed?: () => Promise<void>;
      isGone?: () => boolean;
    } = {},
  ) => {
    const log: string[] = [];
    return {
      log,
      roomId: 'room',
      send: ({ text }: { readonly text: string }) =>
        void log.push((JSON.parse(text) as { content: string }).content),
      flushed: async () => {},
      mayReplay: async () => true,
      isGone: () => false,
      onCaughtUp: () => void log.push('arrived'),
      ...over,
    };
  };
  return { replay, deliver, entries, trimUnread, positions, target, broker, position: () => current };
}
