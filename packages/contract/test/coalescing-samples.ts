// Functions that create events for the tests of coalescing.
import type { StreamEvent } from '@millrace/contract';

/** Returns a version 4 UUID that contains this number. */
export function idOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

/** Returns the timestamp that is `ms` milliseconds after a fixed time. */
function at(ms: number): string {
  return new Date(Date.UTC(2026, 0, 16, 12) + ms).toISOString();
}

interface Parts {
  readonly id: number;
  readonly ms: number;
  readonly user?: number;
  readonly room?: string;
  readonly count?: number;
}

function event(type: string, { id, ms, room = 'room', count }: Parts, payload: unknown): StreamEvent {
  const base = { event_id: idOf(id), event_type: type, timestamp: at(ms), room_id: room, payload };
  return count === undefined ? base : { ...base, metadata: { coalesced_count: count } };
}

export function start(parts: Parts): StreamEvent {
  return event('typing_start', parts, { user_id: idOf(parts.user ?? 1), username: 'ada', is_typing: true });
}

export function stop(parts: Parts): StreamEvent {
  return event('typing_stop', parts, { user_id: idOf(parts.user ?? 1), username: 'ada', is_typing: false });
}

export function receipt(parts: Parts, messages: readonly number[]): StreamEvent {
  return event('read_receipt', parts, { user_id: idOf(parts.user ?? 1), message_ids: messages.map(idOf) });
}

export function message(parts: Parts & { readonly system?: boolean }): StreamEvent {
  return event('chat_message', parts, {
    id: idOf(parts.id),
    request_id: idOf(1),
    sender_id: parts.system === true ? null : idOf(parts.user ?? 1),
    content: 'hello',
    sequence_number: 1,
    is_screenshot: false,
    created_at: at(parts.ms),
  });
}
