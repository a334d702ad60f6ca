// A connection without a gateway. The test chooses when an event arrives. Every join succeeds at once.
import type { CreateConnection } from '@millrace/client';

/** The gateway's end of the newest connection. */
export class GatewayByHand {
  #deliver: (target: string, argument: unknown) => void = () => {};
  #count = 0;

  readonly createConnection: CreateConnection = ({ listener }) => {
    this.#deliver = (target, argument) => listener.onMessage(target, argument);
    return {
      start: async () => {},
      stop: async () => listener.onClose({ cause: undefined, isExpelled: false }),
      invoke: (_method, [roomId], onAnswer) =>
        onAnswer({ ok: true, value: { roomId, position: 'p', recovered: true, replayed: 0, typing: [] } }),
    };
  };

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
