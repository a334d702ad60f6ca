// Creates the events of a run: chat messages only, or the mixed events of a day in a support team.
import { randomUUID } from 'node:crypto';
import { chatPayload } from './chat-payload.js';
import { contentOf } from './mark.js';

/**
 * `chat`: every event is a marked chat message. `day`: of every ten events, one is a marked chat message, eight are
 * typing events and one is a read receipt.
 */
export type Mix = 'chat' | 'day';

/** Counts the marked chat messages among `events` events, of which the first has the number `firstNumber`. */
export function markedIn(mix: Mix, firstNumber: number, events: number): number {
  if (mix === 'chat') return events;
  const upTo = (number: number): number => Math.ceil(number / 10);
  return upTo(firstNumber + events) - upTo(firstNumber);
}

const usersPerRoom = 2;

/** Returns one of the two users of a room: one for even values of `number`, the other for odd values. */
function userOf(room: number, number: number) {
  const id = `3f2504e0-4f89-41d3-9a0c-${String(room * usersPerRoom + (number % usersPerRoom)).padStart(12, '0')}`;
  return { user_id: id, username: 'maria' };
}

/** Type and payload of an event. Each publisher adds the other fields that it needs. */
export type RunEvent =
  | { readonly type: 'chat_message'; readonly payload: ReturnType<typeof chatPayload> }
  | { readonly type: 'typing_start'; readonly payload: TypingPayload & { readonly is_typing: true } }
  | { readonly type: 'typing_stop'; readonly payload: TypingPayload & { readonly is_typing: false } }
  | {
      readonly type: 'read_receipt';
      readonly payload: { readonly user_id: string; readonly message_ids: string[] };
    };

interface TypingPayload {
  readonly user_id: string;
  readonly username: string;
}

/** Creates the event with the number `number`, for the room with the number `room`. */
export function eventOf(
  mix: Mix,
  { number, room, intendedNs }: { number: number; room: number; intendedNs: number },
): RunEvent {
  const part = mix === 'chat' ? 0 : number % 10;
  if (part === 0)
    return { type: 'chat_message', payload: chatPayload(contentOf(intendedNs, number), number + 1) };
  const user = userOf(room, Math.floor(number / 10));
  if (part === 9)
    return { type: 'read_receipt', payload: { user_id: user.user_id, message_ids: [randomUUID()] } };
  return part === 8
    ? { type: 'typing_stop', payload: { ...user, is_typing: false } }
    : { type: 'typing_start', payload: { ...user, is_typing: true } };
}
