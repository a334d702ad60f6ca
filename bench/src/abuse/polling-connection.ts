// A SignalR connection over long polling. An attacker makes its requests in any number and in any order.
import { Agent, request } from 'node:http';

/** The connections to the gateway are kept alive, so that each request costs the gateway as little as possible. */
const agent = new Agent({ keepAlive: true, maxSockets: 1_000 });

/** See the head of this file. */
export class PollingConnection {
  readonly #url: string;

  private constructor(url: string) {
    this.#url = url;
  }

  /** The path of all requests of the connection, with its token. */
  get path(): string {
    const { pathname, search } = new URL(this.#url);
    return `${pathname}${search}`;
  }

  /** Negotiates and sends the handshake. */
  static async open(url: string): Promise<PollingConnection> {
    const answer = await fetch(`${url}/hubs/events/negotiate?negotiateVersion=1&user=poller`, {
      method: 'POST',
    });
    // The gateway under test answers in this form.
    const { connectionToken } = (await answer.json()) as { readonly connectionToken: string };
    const connection = new PollingConnection(
      `${url}/hubs/events?user=poller&id=${encodeURIComponent(connectionToken)}`,
    );
    await connection.poll();
    await fetch(connection.#url, { method: 'POST', body: '{"protocol":"json","version":1}\u001e' });
    return connection;
  }

  /** Polls. Resolves with the status, or with `undefined` if the poll was given up after `giveUpMs` or failed. */
  poll(giveUpMs?: number): Promise<number | undefined> {
    return new Promise((resolve) => {
      const poll = request(this.#url, { agent }, (response) => {
        clearTimeout(timer);
        response.resume();
        response.once('close', () => resolve(response.statusCode));
      });
      const timer = giveUpMs === undefined ? undefined : setTimeout(() => poll.destroy(), giveUpMs);
      poll.on('error', () => resolve(undefined));
      poll.end();
    });
  }
}
