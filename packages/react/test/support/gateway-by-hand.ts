// A connection without a gateway. The test chooses when an event arrives. Every call succeeds at once.
import type { CreateConnection } from '@millrace/client';

/** The gateway's end of the newest connection. */
export class GatewayByHand {
  /** The calls for rooms other than the personal room and the room of everybody, such as `SetPresence a "viewing"`. */
  readonly calls: string[] = [];
  #deliver: (target: string, argument: unknown) => void = () => {};
  #count = 0;

  readonly createConnection: CreateConnection = ({ listener }) => {
    this.#deliver = (target, argument) => listener.onMessage(target, argument);
    return {
      start: async () => {},
      stop: async () => listener.onClose({ cause: undefined, isExpelled: false }),
      invoke: (method, [roomId, ...more], onAnswer) => {
        if (roomId !== 'user:me' && roomId !== '*')
          this.calls.push([method, roomId, ...more.map((argument) => JSON.stringify(argument))].join(' '));
        onAnswer({ ok: true, value: { roomId, position: 'p', recovered: true, replayed: 0, typing: [] } });
      },
    };
  };

  /** Takes the user out of a room. */
  remove(roomId: string): void {
    this.#deliver('removed', { room_id: roomId, reason: 'removed' });
  }

  /** Delivers a chat message. */
  say(roomId: string, content: string): void {
    this.#count += 1;
    this.#deliver('chat_message', {
      event_id: String(this.#count),
      event_type: 'chat_message',
      timestamp: '2026-01-16T00:00:00Z',
      room_id: roomId,
      payload: { content },
      position: `p${this.#count}`,
    });
  }
}
