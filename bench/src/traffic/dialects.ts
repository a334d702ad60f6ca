// The few messages that a light client needs to join a room and to stay connected, for SignalR and for
// Socket.IO.

const separator = '\u001e';

/** Messages that a light client sends and expects, by protocol. */
export interface Dialect {
  readonly path: string;
  /** The first message of the client. */
  readonly hello?: string;
  /**
   * Answers a message that arrives before the client is in its rooms.
   *
   * @returns the client's next message, `'joined'` if the client is in its rooms, or `undefined` if no answer
   * is needed
   * @throws Error if the server refuses the client
   */
  answer(text: string, rooms: readonly string[]): string | undefined;
  /** A ping that the client sends at this interval, like the official client. */
  readonly ping?: { readonly text: string; readonly everyMs: number };
  /** The server's ping, and the client's immediate answer. */
  readonly question?: { readonly text: string; readonly answer: string };
}

/** The result of {@link Dialect.answer} when the client is in its rooms. */
export const joined = 'joined';

/** SignalR over JSON, with a hub method that joins a room. `after` is the position from which to resume. */
export function signalR(after?: string): Dialect {
  return {
    path: '/hubs/events',
    hello: `{"protocol":"json","version":1}${separator}`,
    answer(text, rooms) {
      const done = text.startsWith(`{}${separator}`) ? '0' : /"invocationId":"(\d+)"/.exec(text)?.[1];
      if (done === undefined) return undefined;
      if (text.includes('"error"')) throw new Error(`the server refuses: ${text}`);
      const room = rooms[Number(done)];
      if (room === undefined) return joined;
      const args = after === undefined ? [room] : [room, after];
      const call = { type: 1, invocationId: `${Number(done) + 1}`, target: 'JoinRoom', arguments: args };
      return `${JSON.stringify(call)}${separator}`;
    },
    ping: { text: `{"type":6}${separator}`, everyMs: 15_000 },
  };
}

/**
 * Socket.IO over Engine.IO 4, with an acknowledged `join` event for one room. `auth` resumes an earlier
 * session.
 */
export function socketIo(auth = ''): Dialect {
  return {
    path: '/socket.io/?EIO=4&transport=websocket',
    answer(text, rooms) {
      if (text.startsWith('0{')) return `40${auth}`;
      if (text.startsWith('40')) return `420${JSON.stringify(['join', rooms[0]])}`;
      if (text.startsWith('44')) throw new Error(`the server refuses: ${text}`);
      return text.startsWith('430') ? joined : undefined;
    },
    question: { text: '2', answer: '3' },
  };
}
