// Keeps one connection to the gateway: connects, and reconnects with delays until it is stopped. The
// connector does not know rooms or events.
import { type BackOffOptions, backOffDelayMs, type CancelTimer, type Clock } from '@millrace/internal';
import { ClientError } from '../client-error.js';
import { deferred } from '../deferred.js';
import type { Connection, ConnectionEnd, CreateConnection } from './connection-port.js';
import type { TokenSource } from './token-source.js';

/** Dependencies of a {@link Connector}. */
export interface ConnectorDependencies {
  readonly url: string;
  /** See `ConnectionRequest.clientId`. */
  readonly clientId: string;
  readonly createConnection: CreateConnection;
  readonly tokens: TokenSource;
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  readonly random: () => number;
  readonly retry: BackOffOptions;
  /**
   * Number of unsuccessful attempts in a row after which the connector gives up. An attempt is unsuccessful if it fails, or
   * if its connection does not last.
   */
  readonly maxAttempts: number;
  readonly attemptTimeoutMs: number;
  /** Reports that the machine is back on a network. The connector then shortens its current delay. */
  readonly network: NetworkEvents | undefined;
}

/** The part of `window` that reports the return of the network. @beta */
export interface NetworkEvents {
  addEventListener(type: 'online', listener: () => void): void;
  removeEventListener(type: 'online', listener: () => void): void;
}

/** Called by a {@link Connector}. */
export interface ConnectorListener {
  /** Called for each message, possibly before `onOpen`: the gateway may send messages right after the handshake. */
  onMessage(target: string, argument: unknown): void;
  onOpen(connection: Connection): void;
  /** Called when the open connection was lost. Calls without an answer reject afterwards. */
  onLost(cause: Error | undefined): void;
  /** Called when an attempt failed and another attempt follows. */
  onFailed(cause: Error): void;
  /** Called when no further attempt follows. */
  onGaveUp(error: ClientError): void;
}

/** One attempt to connect. It begins with the request for a token. A successful attempt lasts until its connection closes. */
interface Attempt {
  /** Number of failures in a row before this attempt. */
  readonly failures: number;
  readonly cancelDeadline: () => void;
}

/** The states. Each contains what the connector must release when it leaves the state. */
type ConnectorState =
  | { readonly name: 'stopped' }
  /** Waits for the token of the attempt. */
  | { readonly name: 'authorizing'; readonly attempt: Attempt }
  /** Waits for the handshake. */
  | { readonly name: 'connecting'; readonly attempt: Attempt; readonly connection: Connection }
  | {
      readonly name: 'open';
      readonly attempt: Attempt;
      readonly connection: Connection;
      readonly openedAtMs: number;
    }
  | { readonly name: 'waiting'; readonly cancelWait: () => void };

/** A connection that was open for this long counts as working. The delay after it is short. */
const STABLE_AFTER_MS = 5_000;
/** A client that may not reconnect at once waits as long as after this number of failures. */
const EXPELLED_FAILURES = 4;
const MAX_STOP_MS = 5_000;

/**
 * Transitions: stopped → authorizing → connecting → open → waiting → authorizing → …
 *
 * A failed attempt changes authorizing or connecting to waiting, or to stopped if the connector gives up. `stop` changes
 * every state to stopped.
 */
export class Connector {
  readonly #dependencies: ConnectorDependencies;
  readonly #listener: ConnectorListener;
  /** Only `#enter` changes the state. The connector ignores messages and results of an earlier connection or attempt. */
  #state: ConnectorState = { name: 'stopped' };

  constructor(dependencies: ConnectorDependencies, listener: ConnectorListener) {
    this.#dependencies = dependencies;
    this.#listener = listener;
  }

  start(): void {
    if (this.#state.name === 'stopped') this.#connect(0);
  }

  /** Ends the connection or the attempt. The listener is not called afterwards. */
  async stop(): Promise<void> {
    const connection = connectionOf(this.#state);
    this.#enter({ name: 'stopped' });
    if (connection !== undefined) await this.#stopConnection(connection);
  }

  #enter(next: ConnectorState): void {
    const previous = this.#state;
    this.#state = next;
    if (previous.name === 'waiting') previous.cancelWait();
    // An attempt has one deadline for its token and its handshake.
    else if ('attempt' in previous && next.name !== 'connecting') previous.attempt.cancelDeadline();
  }

  /** @param failures number of failures in a row before this attempt */
  #connect(failures: number): void {
    const { clock, attemptTimeoutMs } = this.#dependencies;
    const onTimeout = (): void =>
      this.#failed(
        attempt,
        new ClientError('connection_failed', `No connection within ${attemptTimeoutMs} ms.`),
      );
    const attempt: Attempt = { failures, cancelDeadline: clock.startTimer(onTimeout, attemptTimeoutMs) };
    this.#enter({ name: 'authorizing', attempt });
    this.#run(attempt).catch((error: unknown) => this.#failed(attempt, toError(error)));
  }

  async #run(attempt: Attempt): Promise<void> {
    const token = await this.#dependencies.tokens.next();
    // A token that comes too late is ignored, because the next attempt may have begun.
    if (attemptOf(this.#state) !== attempt) return;
    const connection = this.#createConnection(token);
    this.#enter({ name: 'connecting', attempt, connection });
    await this.#startUnlessRefused(connection);
    // The connection may have closed since its start.
    if (connectionOf(this.#state) !== connection) return;
    this.#enter({ name: 'open', attempt, connection, openedAtMs: this.#dependencies.clock.monotonicMs() });
    this.#listener.onOpen(connection);
  }

  #createConnection(token: string | undefined): Connection {
    const { createConnection, url, clientId, tokens } = this.#dependencies;
    const isOpen = (): boolean => this.#state.name === 'open' && this.#state.connection === connection;
    const connection: Connection = createConnection({
      url,
      clientId,
      // The start uses one token for all its requests. A transport that asks again on an open connection needs a newer token,
      // because its token was refused.
      accessToken:
        token === undefined ? undefined : async () => (isOpen() ? ((await tokens.next()) ?? token) : token),
      listener: {
        onMessage: (target, argument) => {
          if (connectionOf(this.#state) === connection) this.#listener.onMessage(target, argument);
        },
        onClose: (end) => this.#closed(connection, end),
      },
    });
    return connection;
  }

  async #startUnlessRefused(connection: Connection): Promise<void> {
    try {
      await connection.start();
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'unauthorized') throw error;
      const { tokens } = this.#dependencies;
      tokens.refused();
      if (!tokens.hasSource) throw error;
      // The attempts continue, because the application may have another token.
      throw new ClientError('connection_failed', error.message, { cause: error });
    }
  }

  #failed(attempt: Attempt, cause: Error): void {
    if (attemptOf(this.#state) !== attempt) return;
    const connection = connectionOf(this.#state);
    const failures = attempt.failures + 1;
    const finalError = this.#finalError(cause, failures);
    if (finalError === undefined) this.#wait(failures);
    else this.#enter({ name: 'stopped' });
    if (connection !== undefined) void this.#stopConnection(connection);
    if (finalError === undefined) this.#listener.onFailed(cause);
    else this.#listener.onGaveUp(finalError);
  }

  /** Returns the error with which the connector gives up, or `undefined` if it does not give up. */
  #finalError(cause: Error, failures: number): ClientError | undefined {
    if (cause instanceof ClientError && cause.code === 'unauthorized') return cause;
    if (failures < this.#dependencies.maxAttempts) return undefined;
    const message = `Gave up after ${failures} attempts to connect: ${cause.message}`;
    return new ClientError('gave_up', message, { cause });
  }

  #closed(connection: Connection, end: ConnectionEnd): void {
    const state = this.#state;
    if (!('connection' in state) || state.connection !== connection) return;
    const openMs = state.name === 'open' ? this.#dependencies.clock.monotonicMs() - state.openedAtMs : 0;
    this.#wait(failuresAfterClose(end, openMs, state.attempt.failures));
    if (state.name === 'open') this.#listener.onLost(end.cause);
  }

  /** Waits before the next attempt. The delay depends on the number of failures. The return of the network makes it short. */
  #wait(failures: number): void {
    const { clock, network, retry, random } = this.#dependencies;
    const start = (failures: number): CancelTimer => {
      const delayMs = backOffDelayMs(Math.max(0, failures - 1), retry, random());
      return clock.startTimer(() => this.#connect(failures), delayMs);
    };
    let cancelTimer = start(failures);
    // The network may return for many machines at the same moment. A random wait spreads their attempts.
    const onOnline = (): void => {
      cancelTimer();
      cancelTimer = start(0);
    };
    network?.addEventListener('online', onOnline);
    const cancelWait = (): void => {
      cancelTimer();
      network?.removeEventListener('online', onOnline);
    };
    this.#enter({ name: 'waiting', cancelWait });
  }

  /**
   * Stops a connection. Waits at most {@link MAX_STOP_MS}, because the official client waits for a hanging start before it stops.
   */
  async #stopConnection(connection: Connection): Promise<void> {
    const { promise: elapsed, resolve } = deferred<void>();
    const cancel = this.#dependencies.clock.startTimer(resolve, MAX_STOP_MS);
    await Promise.race([connection.stop().catch(ignore), elapsed]);
    cancel();
  }
}

function attemptOf(state: ConnectorState): Attempt | undefined {
  return 'attempt' in state ? state.attempt : undefined;
}

function connectionOf(state: ConnectorState): Connection | undefined {
  return 'connection' in state ? state.connection : undefined;
}

/**
 * Returns the number of failures that decides the next delay. It is 1 after a connection that worked, unless the gateway
 * expelled the client.
 */
function failuresAfterClose({ isExpelled }: ConnectionEnd, openMs: number, failures: number): number {
  if (isExpelled) return Math.max(failures + 1, EXPELLED_FAILURES);
  return openMs >= STABLE_AFTER_MS ? 1 : failures + 1;
}

function toError(error: unknown): Error {
  return error instanceof Error
    ? error
    : new ClientError('connection_failed', String(error), { cause: error });
}

function ignore(): void {
  // The connection is being stopped, so its error does not matter.
}
