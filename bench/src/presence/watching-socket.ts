// A client that watches the members of one room. It searches the messages only for a given text.
import { once } from 'node:events';
import WebSocket from 'ws';

const separator = '\u001e';

/** An open connection. */
export class WatchingSocket {
  readonly #socket: WebSocket;
  #awaited: { readonly text: string; readonly onSeen: () => void } | undefined;
  #calls = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      if (this.#awaited === undefined || !data.includes(this.#awaited.text)) return;
      this.#awaited.onSeen();
      this.#awaited = undefined;
    });
  }

  /** Connects as a user, joins the room and watches it. */
  static async open(url: string, user: string, room: string): Promise<WatchingSocket> {
    const socket = new WebSocket(
      `${url.replace('http', 'ws')}/hubs/events?user=${user}&name=${user}&client=client-${user}`,
    );
    await once(socket, 'open');
    const watching = new WatchingSocket(socket);
    const isReady = watching.sees('{}');
    socket.send(`{"protocol":"json","version":1}${separator}`);
    await isReady;
    watching.call('JoinRoom', room);
    watching.call('WatchMembers', room);
    return watching;
  }

  /** Calls a method without waiting for the answer. */
  call(target: string, ...args: readonly unknown[]): void {
    this.#calls += 1;
    this.#socket.send(
      `${JSON.stringify({ type: 1, invocationId: String(this.#calls), target, arguments: args })}${separator}`,
    );
  }

  /** Resolves when a message contains the text. Only one wait at a time is allowed. */
  sees(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited = { text, onSeen: resolve };
    });
  }

  close(): void {
    this.#socket.terminate();
  }
}
