// One connection to Redis that reconnects after a loss. It neither queues commands without a connection nor repeats failed
// ones. The caller gets the error at once, or at the deadline.
import { backOffDelayMs, type Clock, pause } from '@millrace/internal';
import { BrokerError, brokerClosed } from '../../errors.js';
import type { BrokerState } from '../../port/broker.js';
import { asText } from '../calls/replies.js';
import type { ScriptCall } from '../calls/script-calls.js';
import { loginCommands, RespClient } from '../resp/resp-client.js';
import { greet } from './greeting.js';
import { ConnectFailure, fromRedisError, isErrorReply, isReadOnly } from './redis-errors.js';
import type { NodeAddress } from './redis-url.js';
import { RestartMarkers } from './restart-markers.js';
import { type ScriptCommand, ScriptRunner } from './script-runner.js';
import type { ServerLocator } from './server-locator.js';

/**
 * Commands whose replies contain entries. Other programs may write entries that are not text, so these replies stay
 * undecoded.
 */
const READS_ENTRIES: ReadonlySet<string> = new Set(['XREAD', 'XRANGE', 'XREVRANGE']);
const asItCame = (reply: Buffer): Buffer => reply;

/**
 * Maximum number of attempts to run a script that checks the run of the server. This connection answers a question of the
 * script before each further attempt. Only gateways that run such scripts at the same moment cause more than two attempts.
 */
const MAX_SETTLE_ATTEMPTS = 6;

/** Options of a connection. */
export interface ConnectionOptions {
  /** Finds the server, before each attempt to connect. */
  readonly locator: ServerLocator;
  /** Name of the connection in CLIENT LIST. */
  readonly clientName: string;
  /** Maximum time of `open`, and of each attempt to reconnect, in milliseconds. Includes the login. */
  readonly connectTimeoutMs: number;
  /** Maximum time of one command, in milliseconds. */
  readonly commandTimeoutMs: number;
  readonly clock: Clock;
  readonly onStateChange: (state: BrokerState, cause?: BrokerError) => void;
}

/** Options of one command. */
export interface SendOptions {
  /** Deadline of the command, in milliseconds. @defaultValue `commandTimeoutMs` */
  readonly timeoutMs?: number;
  /** Sends ASKING before the command. A cluster node then serves a slot that is being moved to it. @defaultValue false */
  readonly isAsking?: boolean;
}

/**
 * States: `idle` → `connecting` → `ready` ⇄ `unavailable`. Each of them can change to `closed`.
 * - `open` changes `idle` to `connecting`. If `open` fails, the state is `idle` again.
 * - `ready` becomes `unavailable` when the socket ends, the server becomes a replica, or a command passes its deadline. Only
 *   the deadline can detect a stopped server or a network that drops packets. Both look like an idle socket.
 * - `unavailable` becomes `ready` when an attempt to reconnect succeeds. Attempts are spaced by back-off with jitter.
 */
export class RedisConnection {
  readonly #options: ConnectionOptions;
  readonly #closing = new AbortController();
  readonly #scripts = new ScriptRunner();
  #state: BrokerState = 'idle';
  #client: RespClient | undefined;
  #clientId: string | undefined;
  #isClusterNode = false;
  /** The server's `run_id` from INFO. `undefined` if the user may not send INFO. */
  #runId: string | undefined;
  #markers: RestartMarkers;
  #connectedAtMs = 0;
  /** The server of the present connection, or of the last connection. */
  #address: NodeAddress | undefined;
  /** The server that the last call of `leaveUnless` named during the present attempt to connect. */
  #expectedAddress: NodeAddress | undefined;
  /** Called once when the present client is lost. */
  #onLost: (cause: BrokerError) => void = () => {};

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#markers = this.#newMarkers();
  }

  get state(): BrokerState {
    return this.#state;
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** The ID for CLIENT UNBLOCK. `undefined` while there is no connection. */
  get clientId(): string | undefined {
    return this.#client === undefined ? undefined : this.#clientId;
  }

  /** True when the server reported on the last connect that it is a cluster node. */
  get isClusterNode(): boolean {
    return this.#isClusterNode;
  }

  /**
   * True if this connection leads, or last led, to this run of a server. A restart begins a new run. If the user may not send
   * INFO, this is false before `proveRun`.
   */
  isRun(runId: string): boolean {
    return this.#runId === undefined ? this.#markers.isProven(runId) : this.#runId === runId;
  }

  /** Asks the server whether it is in this run, unless that is known. `isRun` then returns the answer. */
  async proveRun(runId: string): Promise<void> {
    if (this.#runId !== undefined || this.#markers.isProven(runId)) return;
    try {
      await this.#markers.prove(runId);
    } catch (error) {
      throw this.#translate(error);
    }
  }

  /** Time of the last successful connect, on the monotonic clock. */
  get connectedAtMs(): number {
    return this.#connectedAtMs;
  }

  /**
   * Connects. Tries again until `connectTimeoutMs` have passed.
   * @throws BrokerError `unavailable`. `refused` at once if Redis answers and refuses the connection
   */
  async open(): Promise<void> {
    if (this.#state === 'closed') throw brokerClosed();
    if (this.#state !== 'idle') return;
    this.#change('connecting');
    const { clock, connectTimeoutMs } = this.#options;
    const endMs = clock.monotonicMs() + connectTimeoutMs;
    let cause: BrokerError | undefined;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#connectOnce(Math.max(1, endMs - clock.monotonicMs()));
        void this.#stayConnected();
        return;
      } catch (error) {
        if (this.isClosed) throw brokerClosed();
        // The last attempt may have been cut short by the end of the time. An earlier attempt then knows the reason.
        if (cause === undefined || !isLate(error)) cause = fromRedisError(error);
        const waitMs = backOffDelayMs(attempt);
        if (cause.code === 'refused' || clock.monotonicMs() + waitMs >= endMs) {
          this.#change('idle', cause);
          throw cause;
        }
        await pause(clock, waitMs, this.#closing.signal);
        if (this.isClosed) throw brokerClosed();
      }
    }
  }

  /**
   * Sends one command and returns its reply.
   * @throws BrokerError `unavailable`, `timeout`, `closed`, `out_of_memory` or `refused`
   */
  async command(args: readonly string[], options: SendOptions = {}): Promise<unknown> {
    try {
      return await this.#send(args, options);
    } catch (error) {
      throw this.#translate(error);
    }
  }

  /** Runs a script. Scripts are executed in the order of the calls. */
  async run<T>(call: ScriptCall<T>, options: SendOptions = {}): Promise<T> {
    return call.isSettling === true
      ? this.#settle(call, options)
      : call.parse(await this.#run(call, [], options));
  }

  /**
   * Runs a script that checks whether the server was restarted or replaced. If the user may not send INFO, the script gets a
   * marker of the server's present run. If the stream's record has another marker, the script only asks about it.
   */
  async #settle<T>(call: ScriptCall<T>, options: SendOptions): Promise<T> {
    const markers = this.#markers;
    const [key = ''] = call.keys;
    let marker = this.#runId === undefined ? markers.proposedFor(key) : '';
    let refuted = '';
    for (let attempt = 0; attempt < MAX_SETTLE_ATTEMPTS; attempt++) {
      // A marker is proven only for the connection on which it was checked.
      if (markers !== this.#markers) throw new BrokerError('unavailable', 'The connection to Redis was lost');
      const reply = await this.#run(call, [marker, refuted], options);
      const asked = questionIn(reply);
      if (asked === undefined) {
        if (marker !== '') markers.accept(key, marker);
        return call.parse(reply);
      }
      try {
        const isOurs = asked !== '' && (await markers.prove(asked));
        marker = isOurs ? asked : await markers.own();
        if (!isOurs) refuted = asked;
      } catch (error) {
        throw this.#translate(error);
      }
    }
    throw new BrokerError(
      'unavailable',
      'Several gateways settled the stream at the same time; the next heartbeat tries again',
    );
  }

  async #run(
    { script, keys, args }: ScriptCall<unknown>,
    more: readonly string[],
    options: SendOptions,
  ): Promise<unknown> {
    const { clock, commandTimeoutMs } = this.#options;
    const command: ScriptCommand = ['EVALSHA', script.sha1, String(keys.length), ...keys];
    for (const arg of args) command.push(typeof arg === 'string' ? arg : String(arg));
    command.push(...more);
    const endMs = clock.monotonicMs() + (options.timeoutMs ?? commandTimeoutMs);
    const send = (command: readonly string[], graceMs = 0): Promise<unknown> =>
      this.#send(command, { ...options, timeoutMs: Math.max(1, endMs - clock.monotonicMs()) + graceMs });
    try {
      return await this.#scripts.run(script, command, send);
    } catch (error) {
      throw this.#translate(error);
    }
  }

  /** Replaces the present connection by a new one, as if the present one had been lost. */
  renew(): void {
    if (this.#client === undefined) return;
    this.#drop(this.#client, new BrokerError('unavailable', 'Another server has the streams now'));
  }

  /**
   * Replaces the connection unless its server is `address`. Also replaces a connection that is still being
   * opened.
   */
  leaveUnless(address: NodeAddress): void {
    this.#expectedAddress = address;
    if (this.#address !== address) this.renew();
  }

  #isExpected(address: NodeAddress): boolean {
    return this.#expectedAddress === undefined || this.#expectedAddress === address;
  }

  /** Ends the connection immediately. Commands without a reply reject with `closed`. Idempotent. */
  close(): void {
    if (this.isClosed) return;
    const client = this.#client;
    this.#client = undefined;
    this.#change('closed');
    this.#closing.abort();
    this.#onLost(brokerClosed());
    client?.end(brokerClosed());
  }

  #send(args: readonly string[], options: SendOptions): Promise<unknown> {
    const { timeoutMs = this.#options.commandTimeoutMs, isAsking = false } = options;
    const client = this.#client;
    if (client === undefined) {
      return Promise.reject(
        this.isClosed
          ? brokerClosed()
          : new BrokerError('unavailable', 'Redis is not connected', { nothingHappened: true }),
      );
    }
    // Both commands are written in this turn of the event loop, one after the other. If ASKING is refused, the command fails,
    // too.
    if (isAsking) client.send(['ASKING'], timeoutMs).catch(() => {});
    return client.send(args, timeoutMs, READS_ENTRIES.has(args[0] ?? '') ? asItCame : undefined);
  }

  #newMarkers(): RestartMarkers {
    return new RestartMarkers((command) => this.#send(command, {}));
  }

  #translate(error: unknown): BrokerError {
    if (this.isClosed && !isErrorReply(error)) return brokerClosed();
    return fromRedisError(error);
  }

  async #connectOnce(timeoutMs: number): Promise<void> {
    const { clock, clientName, locator } = this.#options;
    const endMs = clock.monotonicMs() + timeoutMs;
    this.#expectedAddress = undefined;
    const endpoint = await locator.locate(timeoutMs);
    if (this.isClosed) throw brokerClosed();
    const client: RespClient = new RespClient(endpoint, {
      clock,
      // READONLY means that the server has become a replica. Only a new connection can lead to the new master.
      onErrorReply: (error) => {
        if (isReadOnly(error)) this.#drop(client, fromRedisError(error));
      },
      onEnd: (cause) => this.#drop(client, fromRedisError(cause)),
    });
    try {
      const leftMs = Math.max(1, Math.min(endMs - clock.monotonicMs(), locator.attemptTimeoutMs));
      const greeting = await greet(client, loginCommands(endpoint, clientName), leftMs);
      if (locator.isMasterRequired && !greeting.isMaster)
        throw new BrokerError('unavailable', 'Redis: READONLY the server is a replica, not the master');
      if (!this.#isExpected(endpoint.address))
        throw new BrokerError('unavailable', 'Another server became the master during the login');
      this.#clientId = greeting.clientId;
      this.#isClusterNode = greeting.isClusterNode;
      this.#runId = greeting.runId;
      this.#connectedAtMs = clock.monotonicMs();
    } catch (error) {
      client.end(fromRedisError(error));
      throw this.#connectFailure(error, endpoint.address, timeoutMs);
    }
    if (this.isClosed) {
      client.end(brokerClosed());
      throw brokerClosed();
    }
    this.#scripts.forget();
    this.#markers = this.#newMarkers();
    this.#client = client;
    this.#address = endpoint.address;
    this.#change('ready');
  }

  #connectFailure(error: unknown, address: NodeAddress, timeoutMs: number): unknown {
    const message = `Redis did not accept the connection within ${Math.round(timeoutMs)} ms`;
    const cause = isTimeout(error) ? new BrokerError('unavailable', message, { cause: error }) : error;
    // The explanation names the server, because a URL of Sentinels does not contain its address.
    return this.#options.locator.isMasterRequired ? new ConnectFailure(address, cause) : cause;
  }

  /** Reconnects after every loss of the client, until the connection is closed. */
  async #stayConnected(): Promise<void> {
    while (!this.isClosed) {
      const cause = await this.#lost();
      if (this.isClosed) return;
      this.#change('unavailable', cause);
      await this.#reconnect();
    }
  }

  async #reconnect(): Promise<void> {
    const { clock, connectTimeoutMs } = this.#options;
    for (let attempt = 0; !this.isClosed; attempt++) {
      await pause(clock, backOffDelayMs(attempt), this.#closing.signal);
      if (this.isClosed) return;
      try {
        return await this.#connectOnce(connectTimeoutMs);
      } catch {
        // The error is ignored, because the first cause of the state was reported and the next attempt follows.
      }
    }
  }

  #lost(): Promise<BrokerError> {
    return new Promise((resolve) => {
      this.#onLost = resolve;
      if (this.#client === undefined)
        resolve(new BrokerError('unavailable', 'The connection to Redis was lost'));
    });
  }

  #drop(client: RespClient, cause: BrokerError): void {
    if (client !== this.#client) return;
    this.#client = undefined;
    client.end(cause);
    this.#onLost(cause);
  }

  #change(state: BrokerState, cause?: BrokerError): void {
    if (this.#state === state || this.isClosed) return;
    this.#state = state;
    this.#options.onStateChange(state, cause);
  }
}

/** Returns the marker that a script asks about, or `undefined` if the script did its work. */
function questionIn(reply: unknown): string | undefined {
  if (!Array.isArray(reply) || reply.length !== 2 || reply[0] !== 'which_run') return undefined;
  return asText(reply[1]);
}

function isTimeout(error: unknown): boolean {
  return error instanceof BrokerError && error.code === 'timeout';
}

/** True if the server did not accept the connection in time, and nothing else is known. */
function isLate(error: unknown): boolean {
  const failure = error instanceof ConnectFailure ? error.cause : error;
  return failure instanceof BrokerError && isTimeout(failure.cause);
}
