/*
 * Runs the raw connections of one path: opens each connection, runs its handler, and closes it.
 */

import { toError } from '@millrace/internal';
import type { ConnectionApplication } from '../connection/connection-application.js';
import type { HubConnection } from '../connection/hub-connection.js';
import type { RequestInfo } from '../connection/request-info.js';
import { reportClosed } from '../connection/run-hub-connection.js';
import type { Ticker } from '../connection/ticker.js';
import { SignalRError } from '../errors.js';
import type { SignalREventListener } from '../events.js';
import { ClientRawConnection, type ConnectionHandler } from './raw-connection.js';
import { RawInput } from './raw-input.js';

/** The raw connections of one path. */
export class MappedConnections<User> implements ConnectionApplication {
  readonly isRaw = true;
  readonly path: string;
  readonly ticker: Ticker;
  readonly onEvent: SignalREventListener;
  readonly #handler: ConnectionHandler<User>;

  constructor(
    path: string,
    handler: ConnectionHandler<User>,
    dependencies: { readonly ticker: Ticker; readonly onEvent: SignalREventListener },
  ) {
    this.path = path;
    this.#handler = handler;
    this.ticker = dependencies.ticker;
    this.onEvent = dependencies.onEvent;
  }

  run(connection: HubConnection, request: RequestInfo): void {
    void this.#run(connection, request);
  }

  /** A raw connection has no hook for fresh credentials. Its `user` is always the newest one. */
  authenticationRefreshed(): Promise<void> {
    return Promise.resolve();
  }

  /** Raw connections have no backplane. */
  leave(): Promise<void> {
    return Promise.resolve();
  }

  /** Never rejects. */
  async #run(connection: HubConnection, request: RequestInfo): Promise<void> {
    const startedMs = this.ticker.monotonicMs();
    const input = new RawInput(connection);
    this.ticker.add(connection);
    connection.openRaw();
    connection.start(input);
    this.onEvent({ type: 'connection_opened', ...connection.identity, protocol: 'raw' });
    await this.#handle(connection, new ClientRawConnection<User>(connection, input, request));
    await connection.closed.promise;
    this.ticker.remove(connection);
    reportClosed(connection, this, startedMs);
    connection.end();
  }

  async #handle(connection: HubConnection, raw: ClientRawConnection<User>): Promise<void> {
    try {
      await this.#handler(raw);
      raw.close();
    } catch (thrown) {
      const error = toError(thrown);
      // The handler did not catch the rejection of its last send. It has not failed: its client has left.
      const isEnded =
        connection.cause !== undefined && error instanceof SignalRError && error.code === 'disconnected';
      if (!isEnded) this.onEvent({ type: 'handler_failed', ...connection.identity, error });
      raw.close(error);
    }
  }
}
