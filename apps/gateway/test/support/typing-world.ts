// Creates an event dispatcher to which tests send typing and messages, without a gateway.
import { randomUUID } from 'node:crypto';
import { eventCatalog, type StreamEvent } from '@millrace/contract';
import { type FakeClock, fakeClock } from '@millrace/testkit';
import { EventDispatcher } from '../../src/dispatch/dispatcher.js';
import { RoomIndicators } from '../../src/indicators/room-indicators.js';

export const ana = '6b0f3c1e-0d8e-4d5b-9f6c-0c8f1f3d2a10';
export const bob = '0f5a2b47-6a55-4be0-8a4e-7a0a8f4f1c22';

interface Sent {
  readonly atMs: number;
  readonly event: StreamEvent;
}

export function createTypingWorld(clock: FakeClock = fakeClock()) {
  const sent: Sent[] = [];
  const dropped: string[] = [];
  const dispatcher = new EventDispatcher(
    {
      catalog: eventCatalog,
      freshness: 'entry',
      dedupeWindowMs: 300_000,
      maxDedupeIds: 10_000,
      clockSkewLimitMs: 30_000,
    },
    {
      rooms: {
        brokerTimeMs: () => clock.wallMs(),
        indicators: new RoomIndicators(eventCatalog),
        positions: { ofRoom: () => 'p', at: () => 'p', belongs: () => true },
        replay: { remember: () => {} },
      },
      sender: {
        hasConnections: () => true,
        send: ({ event }) => sent.push({ atMs: clock.monotonicMs(), event }),
      },
      membership: { changeMember: () => {}, signOut: () => {} },
      rejections: {
        reject: (_stream, _entry, { reason }) => {
          throw new Error(reason);
        },
      },
      erasures: { apply: () => {} },
      clock,
      observer: {
        delivered: () => {},
        dropped: (_received, reason) => dropped.push(reason),
        skipped: () => {},
        control: () => {},
        clockSkewed: () => {},
        naiveTimestamp: () => {},
        failed: (_stream, _entry, error) => {
          throw error;
        },
      },
    },
  );
  let sequence = 0;
  /**
   * Dispatches an event now, from a producer whose clock is wrong by `skewMs`. With `asOf`, the event counts as made at that
   * entry ID. Without it, it counts as an event of a plain XADD. Returns the entry's ID.
   */
  const arrive = (event_type: string, payload: object, { skewMs = 0, asOf }: Made = {}): string => {
    const fields = {
      event_id: randomUUID(),
      event_type,
      timestamp: new Date(clock.wallMs() + skewMs).toISOString(),
      room_id: 'room',
      payload: JSON.stringify(payload),
      ...(asOf === undefined ? {} : { as_of: asOf }),
    };
    const id = `${clock.wallMs()}-${sequence++}`;
    dispatcher.dispatch('events:chat', { id, fields });
    return id;
  };
  return {
    clock,
    dispatcher,
    sent,
    dropped,
    arrive,
    types: () => sent.map(({ event }) => event.event_type),
    type: (user_id: string, is_typing: boolean, made?: Made) =>
      arrive(is_typing ? 'typing_start' : 'typing_stop', { user_id, username: 'U', is_typing }, made),
    say: (sender_id: string | null, made?: Made) => arrive('chat_message', messageOf(sender_id), made),
  };
}

interface Made {
  readonly skewMs?: number;
  readonly asOf?: string;
}

export const messageOf = (sender_id: string | null) => ({
  id: randomUUID(),
  request_id: randomUUID(),
  sender_id,
  content: 'x',
  sequence_number: 1,
  is_screenshot: false,
  created_at: '2026-01-16T10:00:00Z',
});
