// Keeps one connection alive: connects, waits, connects again, until it is told to stop. Knows no rooms and no events.
import { type BackOffOptions, backOffDelayMs, type Clock } from '@millrace/internal';
import { ClientError } from '../client-error.js';
import { deferred } from '../deferred.js';
import type { Connection, ConnectionEnd, CreateConnection } from './connection-port.js';
import type { TokenSource } from './token-source.js';

/** What a {@link Connector} needs. */
export interface ConnectorDependencies {
  readonly url: string;
  readonly createConnection: CreateConnection;
  readonly tokens: TokenSource;
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  readonly random: () => number;
  readonly retry: BackOffOptions;
  /** Attempts in a row that failed, or did not last, after which it gives up. */
  readonly maxAttempts: number;
  readonly attemptTimeoutMs: number;
  /** Tells when the machine is back on a network; a wait is cut short then. */
  readonly network: NetworkEvents | undefined;
}

/** The part of `window` that tells of the network. */
export interface NetworkEvents {
  addEventListener(type: 'online', listener: () => void): void;
  removeEventListener(type: 'online', listener: () => void): void;
}

/** Told by a {@link Connector} what happens. */
export interface ConnectorListener {
  /** Also before `onOpen`: the gateway may speak as soon as the handshake is done. */
  onMessage(target: string, argument: unknown): void;
  onOpen(connection: Connection): void;
  /** What had been opened is lost; calls it cut off reject afterwards. */
  onLost(cause: Error | undefined): void;
  /** An attempt failed; another follows. */
  onFailed(cause: Error): void;
  /** No attempt follows. */
  onGaveUp(error: ClientError): void;
}

/** How one connection, or the attempt to get one, came to its end. */
type AttemptEnd =
  | { readonly kind: 'failed'; readonly cause: Error }
  | { readonly kind: 'lost'; readonly isExpelled: boolean; readonly isStable: boolean };

/** A connection that was open this long worked: the next wait is a short one. */
const STABLE_AFTER_MS = 5_000;
/** The gateway sent the client away: it comes back, but not at once. */
const EXPELLED_FAILURES = 4;
const MAX_STOP_MS = 5_000;

/** stopped → connecting → open → waiting → connecting → …; from each of them → stopped. */
export class Connector {
  readonly #dependencies: ConnectorDependencies;
  readonly #listener: ConnectorListener;
  /** Aborts the loop that runs; `undefined`: stopped. */
  #running: AbortController | undefined;
  /** Aborts the attempt under way. */
  #attempt: AbortController | undefined;
  /** The connection that is starting or open. What any other one says is not heard. */
  #current: Connection | undefined;
  #isOpen = false;

  constructor(dependencies: ConnectorDependencies, listener: ConnectorListener) {
    this.#dependencies = dependencies;
    this.#listener = listener;
  }

  start(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    void this.#run(this.#running.signal);
  }

  /** Ends the connection, or the attempt. Nothing is told any more from the moment of the call. */
  async stop(): Promise<void> {
    this.#running?.abort();
    this.#running = undefined;
    this.#attempt?.abort();
    await this.#dropCurrent();
  }

  /** Never rejects: whatever fails is an end of an attempt. */
  async #run(signal: AbortSignal): Promise<void> {
    const { retry, random } = this.#dependencies;
    let failures = 0;
    while (!signal.aborted) {
      const end = await this.#connectOnce(signal);
      if (signal.aborted) return;
      failures = failuresAfter(end, failures);
      const finalError = this.#finalError(end, failures);
      if (finalError !== undefined) {
        this.#running = undefined;
        this.#listener.onGaveUp(finalError);
        return;
      }
      if (end.kind === 'failed') this.#listener.onFailed(end.cause);
      const wasWoken = await this.#wait(backOffDelayMs(failures - 1, retry, random()), signal);
      if (!wasWoken) continue;
      failures = 0;
      // A network that comes back brings all its machines back at once.
      await this.#wait(backOffDelayMs(0, retry, random()), signal);
    }
  }

  #finalError(end: AttemptEnd, failures: number): ClientError | undefined {
    if (end.kind !== 'failed') return undefined;
    if (end.cause instanceof ClientError && end.cause.code === 'unauthorized') return end.cause;
    if (failures < this.#dependencies.maxAttempts) return undefined;
    const message = `Gave up after ${failures} attempts to connect: ${end.cause.message}`;
    return new ClientError('gave_up', message, { cause: end.cause });
  }

  /** One connection, from the token to its end. */
  async #connectOnce(signal: AbortSignal): Promise<AttemptEnd> {
    const { clock, attemptTimeoutMs } = this.#dependencies;
    const attempt = new AbortController();
    this.#attempt = attempt;
    const timeout = new ClientError('connection_failed', `No connection within ${attemptTimeoutMs} ms.`);
    const cancelDeadline = clock.startTimer(() => attempt.abort(timeout), attemptTimeoutMs);
    const { promise: closed, resolve: onClosed } = deferred<ConnectionEnd>();
    try {
      const connection = await unlessAborted(this.#open(onClosed, attempt.signal), attempt.signal);
      cancelDeadline();
      return await this.#stayOpen(connection, closed);
    } catch (error) {
      cancelDeadline();
      if (!signal.aborted) void this.#dropCurrent();
      return { kind: 'failed', cause: toError(error) };
    }
  }

  async #open(onClosed: (end: ConnectionEnd) => void, signal: AbortSignal): Promise<Connection> {
    const { tokens } = this.#dependencies;
    const token = await tokens.next();
    // Too late: the next attempt may have begun.
    signal.throwIfAborted();
    let isStarting = true;
    const connection: Connection = this.#dependencies.createConnection({
      url: this.#dependencies.url,
      // One token serves the whole start; a transport that asks again later was refused and wants a newer one.
      accessToken:
        token === undefined ? undefined : async () => (isStarting ? token : ((await tokens.next()) ?? token)),
      listener: {
        onMessage: (target, argument) => {
          if (this.#current === connection) this.#listener.onMessage(target, argument);
        },
        onClose: (end) => {
          this.#lost(connection, end.cause);
          onClosed(end);
        },
      },
    });
    this.#current = connection;
    await this.#startUnlessRefused(connection);
    isStarting = false;
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
      // Not the end yet: the application may have a better token.
      throw new ClientError('connection_failed', error.message, { cause: error });
    }
  }

  async #stayOpen(connection: Connection, closed: Promise<ConnectionEnd>): Promise<AttemptEnd> {
    const { clock } = this.#dependencies;
    const openedAtMs = clock.monotonicMs();
    // It may be over already, between its start and this line.
    if (this.#current === connection) {
      this.#isOpen = true;
      this.#listener.onOpen(connection);
    }
    const { isExpelled } = await closed;
    return { kind: 'lost', isExpelled, isStable: clock.monotonicMs() - openedAtMs >= STABLE_AFTER_MS };
  }

  #lost(connection: Connection, cause: Error | undefined): void {
    if (this.#current !== connection) return;
    this.#current = undefined;
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    if (wasOpen) this.#listener.onLost(cause);
  }

  /** The official client waits for a hanging start before it stops; the caller need not. */
  async #dropCurrent(): Promise<void> {
    const connection = this.#current;
    this.#current = undefined;
    this.#isOpen = false;
    if (connection === undefined) return;
    const { promise: elapsed, resolve } = deferred<void>();
    const cancel = this.#dependencies.clock.startTimer(resolve, MAX_STOP_MS);
    await Promise.race([connection.stop().catch(ignore), elapsed]);
    cancel();
  }

  /** Resolves to true when the network came back before the time was over. */
  async #wait(delayMs: number, signal: AbortSignal): Promise<boolean> {
    const { clock, network } = this.#dependencies;
    const { promise, resolve } = deferred<boolean>();
    const onOnline = (): void => resolve(true);
    const onEnd = (): void => resolve(false);
    const cancel = clock.startTimer(onEnd, delayMs);
    signal.addEventListener('abort', onEnd);
    network?.addEventListener('online', onOnline);
    const wasWoken = await promise;
    cancel();
    signal.removeEventListener('abort', onEnd);
    network?.removeEventListener('online', onOnline);
    return wasWoken;
  }
}

/** At least 1: after a connection that worked, the next wait is as short as after one failure. */
function failuresAfter(end: AttemptEnd, failures: number): number {
  if (end.kind === 'failed') return failures + 1;
  if (end.isExpelled) return Math.max(failures + 1, EXPELLED_FAILURES);
  return end.isStable ? 1 : failures + 1;
}

function toError(error: unknown): Error {
  return error instanceof Error
    ? error
    : new ClientError('connection_failed', String(error), { cause: error });
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    promise.then(resolve, reject);
  });
}

function ignore(): void {
  // What is being dropped may fail as it likes.
}
