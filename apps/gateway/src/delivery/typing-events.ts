// What typing means on the way to clients: who is typing now (for joins), and whom an indicator is not sent to.
import type { ReceivedEvent } from '@millrace/contract';
import type { TypingUsers } from './typing-users.js';

/**
 * Takes notice of an event that starts or ends somebody's typing.
 *
 * @returns the user whose own connections are not to be sent the event; `undefined`: it is sent to all.
 */
export function observeTyping(
  received: ReceivedEvent,
  typingUsers: TypingUsers,
  nowMs: number,
): string | undefined {
  const { event, declaration } = received;
  if (declaration.coalescing?.slot === 'typing') {
    // Types of this slot carry the data model's TypingPayload; a user's own type may lack a field.
    const { user_id, username, is_typing } = event.payload as Partial<Record<string, unknown>>;
    if (typeof user_id !== 'string') return undefined;
    if (is_typing === true) {
      typingUsers.start(
        event.room_id,
        { user_id, username: typeof username === 'string' ? username : user_id },
        nowMs,
      );
    } else {
      typingUsers.stop(event.room_id, user_id);
    }
    return user_id;
  }
  if (declaration.endsCoalescing?.slot === 'typing') {
    const typist = declaration.endsCoalescing.key(event.payload);
    if (typist !== undefined) typingUsers.stop(event.room_id, typist);
  }
  return undefined;
}
