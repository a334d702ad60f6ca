// One connection to Redis that comes back by itself. Commands are never queued while it is away and never repeated:
// a caller learns at once, or at the deadline, that the outcome is unknown.
import { backOffDelayMs, type Clock, pause } from '@millrace/internal';
import { BrokerError } from '../../errors.js';
import type { BrokerState } from '../../port/broker.js';
import { asArray, asNumber, asText } from '../calls/replies.js';
import type { ScriptCall } from '../calls/script-calls.js';
import { loginCommands, RespClient } from '../resp/resp-client.js';
import { fromRedisError, isErrorReply, isReadOnly } from './redis-errors.js';
import { RunMarks } from './restart-markers.js';
import { type ScriptCommand, ScriptRunner } from './script-runner.js';

/** Their replies hold what anybody wrote, which need not be text: they are handed on as they came. */
const READS_ENTRIES: ReadonlySet<string> = new Set(['XREAD', 'XRANGE', 'XREVRANGE']);
const asItCame = (reply: Buffer): Buffer => reply;

/** Each attempt after the first one answers a question of the script; more than two need gateways that settle at the same moment. */
const MAX_SETTLE_ATTEMPTS = 6;

/** What a connection needs to know. */
export interface ConnectionOptions {
  /** `redis://` or `rediss://`, with user, password and database where wanted. */
  readonly url: string;
  /** Shown by CLIENT LIST. */
  readonly clientName: string;
  /** Deadline of one attempt to connect, greeting included. */
  readonly connectTimeoutMs: number;
  /** Deadline of one command. */
  readonly commandTimeoutMs: number;
  readonly clock: Clock;
  readonly onStateChange: (state: BrokerState, cause?: BrokerError) => void;
}

/** How one command is sent. */
export interface SendOptions {
  /** @defaultValue `commandTimeoutMs` */
  readonly timeoutMs?: number;
  /** With ASKING before it: a cluster node then serves a slot that is on its way to it. @defaultValue false */
  readonly isAsking?: boolean;
}

/**
 * State: `idle` → `connecting` → `ready` ⇄ `unavailable`, and from each of them → `closed`.
 * - `open` leaves `idle`; when it fails the state is `idle` again.
 * - `ready` becomes `unavailable` when the socket ends, the server turns into a replica, or a command passes its
 *   deadline: a server that is stopped, or a path that swallows packets, looks like an idle socket, so the
 *   unanswered command is the only witness.
 * - `unavailable` becomes `ready` by itself; attempts are spaced by back-off with jitter.
 */
export class RedisConnection {
  readonly #options: ConnectionOptions;
  readonly #closing = new AbortController();
  readonly #scripts = new ScriptRunner();
  #state: BrokerState = 'idle';
  #client: RespClient | undefined;
  #clientId: string | undefined;
  #isClusterNode = false;
  /** The server's run by INFO; `undefined` where the user may not ask for it. */
  #runId: string | undefined;
  #marks: RunMarks;
  #connectedAtMs = 0;
  /** Called once when the present client is no more use. */
  #onLost: (cause: BrokerError) => void = () => {};

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#marks = this.#newMarks();
  }

  get state(): BrokerState {
    return this.#state;
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** What CLIENT UNBLOCK takes; `undefined` while there is no connection. */
  get clientId(): string | undefined {
    return this.#client === undefined ? undefined : this.#clientId;
  }

  /** Whether the server said so when it was last connected. */
  get isClusterNode(): boolean {
    return this.#isClusterNode;
  }

  /**
   * True when this connection leads, or last led, to this run of a server: another one, or the same started again, is another run.
   * Where INFO is refused, only after `proveRun`.
   */
  isRun(runId: string): boolean {
    return this.#runId === undefined ? this.#marks.isProven(runId) : this.#runId === runId;
  }

  /** Makes sure that `isRun` knows. */
  async proveRun(runId: string): Promise<void> {
    if (this.#runId !== undefined || this.#marks.isProven(runId)) return;
    try {
      await this.#marks.prove(runId);
    } catch (error) {
      throw this.#translate(error);
    }
  }

  /** When the connection was last made, on `clock`. */
  get connectedAtMs(): number {
    return this.#connectedAtMs;
  }

  /**
   * Connects, trying again until `connectTimeoutMs` have passed.
   * @throws BrokerError `unavailable`, or `refused` at once when Redis answered and does not want us
   */
  async open(): Promise<void> {
    if (this.#state === 'closed') throw closed();
    if (this.#state !== 'idle') return;
    this.#change('connecting');
    const { clock, connectTimeoutMs } = this.#options;
    const endMs = clock.monotonicMs() + connectTimeoutMs;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#connectOnce(Math.max(1, endMs - clock.monotonicMs()));
        void this.#stayConnected();
        return;
      } catch (error) {
        if (this.isClosed) throw closed();
        const cause = fromRedisError(error);
        const waitMs = backOffDelayMs(attempt);
        if (cause.code === 'refused' || clock.monotonicMs() + waitMs >= endMs) {
          this.#change('idle', cause);
          throw cause;
        }
        await pause(clock, waitMs, this.#closing.signal);
        if (this.isClosed) throw closed();
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

  /** Runs a script. Calls are executed in their order. */
  async run<T>(call: ScriptCall<T>, options: SendOptions = {}): Promise<T> {
    return call.isSettling === true
      ? this.#settle(call, options)
      : call.parse(await this.#run(call, [], options));
  }

  /**
   * Runs a script that judges which run of a server this is. Where INFO is refused it is given a mark of this run; while the record has
   * another mark it asks about that one and does nothing.
   */
  async #settle<T>(call: ScriptCall<T>, options: SendOptions): Promise<T> {
    const marks = this.#marks;
    const [key = ''] = call.keys;
    let mark = this.#runId === undefined ? marks.proposedFor(key) : '';
    let refuted = '';
    for (let attempt = 0; attempt < MAX_SETTLE_ATTEMPTS; attempt++) {
      // A proof holds only for the connection that it was made on.
      if (marks !== this.#marks) throw new BrokerError('unavailable', 'The connection to Redis was lost');
      const reply = await this.#run(call, [mark, refuted], options);
      const asked = questionIn(reply);
      if (asked === undefined) {
        if (mark !== '') marks.accept(key, mark);
        return call.parse(reply);
      }
      try {
        const isOurs = asked !== '' && (await marks.prove(asked));
        mark = isOurs ? asked : await marks.own();
        if (!isOurs) refuted = asked;
      } catch (error) {
        throw this.#translate(error);
      }
    }
    throw new BrokerError('unavailable', 'Several gateways settle the stream at the same time');
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

  /** Gives the present connection up for a new one, as if it had been lost. */
  renew(): void {
    if (this.#client === undefined) return;
    this.#drop(this.#client, new BrokerError('unavailable', 'Another server is in charge now'));
  }

  /** Ends the connection at once. Commands without a reply reject with `closed`. Idempotent. */
  close(): void {
    if (this.isClosed) return;
    const client = this.#client;
    this.#client = undefined;
    this.#change('closed');
    this.#closing.abort();
    this.#onLost(closed());
    client?.end(closed());
  }

  #send(args: readonly string[], options: SendOptions): Promise<unknown> {
    const { timeoutMs = this.#options.commandTimeoutMs, isAsking = false } = options;
    const client = this.#client;
    if (client === undefined) {
      return Promise.reject(
        this.isClosed
          ? closed()
          : new BrokerError('unavailable', 'Redis is not connected', { nothingHappened: true }),
      );
    }
    // Both are written in this turn, one behind the other; a refusal shows in the reply to the command itself.
    if (isAsking) client.send(['ASKING'], timeoutMs).catch(() => {});
    return client.send(args, timeoutMs, READS_ENTRIES.has(args[0] ?? '') ? asItCame : undefined);
  }

  #newMarks(): RunMarks {
    return new RunMarks((command) => this.#send(command, {}));
  }

  #translate(error: unknown): BrokerError {
    if (this.isClosed && !isErrorReply(error)) return closed();
    return fromRedisError(error);
  }

  async #connectOnce(timeoutMs: number): Promise<void> {
    const { clock, url, clientName } = this.#options;
    const client: RespClient = new RespClient(url, {
      clock,
      // Its server has become a replica, and only a new connection finds the way to the new master.
      onErrorReply: (error) => {
        if (isReadOnly(error)) this.#drop(client, fromRedisError(error));
      },
      onEnd: (cause) => this.#drop(client, fromRedisError(cause)),
    });
    try {
      const greeting = await greet(client, loginCommands(url, clientName), timeoutMs);
      this.#clientId = greeting.clientId;
      this.#isClusterNode = greeting.isClusterNode;
      this.#runId = greeting.runId;
      this.#connectedAtMs = this.#options.clock.monotonicMs();
    } catch (error) {
      client.end(fromRedisError(error));
      if (!(error instanceof BrokerError) || error.code !== 'timeout') throw error;
      const message = `Redis did not accept the connection within ${Math.round(timeoutMs)} ms`;
      throw new BrokerError('unavailable', message, { cause: error });
    }
    if (this.isClosed) {
      client.end(closed());
      throw closed();
    }
    this.#scripts.forget();
    this.#marks = this.#newMarks();
    this.#client = client;
    this.#change('ready');
  }

  /** Waits until the client is lost, then connects again; until closed. */
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
        // The state says `unavailable` already, with its first cause; the next attempt follows.
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

/** What both sides of a connection are. */
interface Greeting {
  readonly clientId: string;
  /** `undefined`: the user may not ask. */
  readonly runId: string | undefined;
  readonly isClusterNode: boolean;
}

/**
 * Connects, makes sure of what the scripts need and returns who the two sides are. HELLO, which changes nothing without arguments, is
 * what every user may ask for; INFO is refused to many users of hosted servers.
 */
async function greet(
  client: RespClient,
  login: readonly (readonly string[])[],
  timeoutMs: number,
): Promise<Greeting> {
  const accepted = login.map((command) => client.send(command, timeoutMs));
  const [hello, server, clientId] = await Promise.all([
    client.send(['HELLO'], timeoutMs),
    client.send(['INFO', 'server'], timeoutMs).catch(ifRefused),
    client.send(['CLIENT', 'ID'], timeoutMs),
    ...accepted,
  ]);
  const about = fieldsOf(hello);
  const version = about.get('version');
  if (version === undefined || Number.parseInt(version, 10) < 7) {
    throw new BrokerError('refused', `Redis 7.0 or newer is needed, this is ${version ?? 'unknown'}`);
  }
  return {
    clientId: String(asNumber(clientId)),
    runId: typeof server === 'string' ? /^run_id:(\w+)/m.exec(server)?.[1] : undefined,
    isClusterNode: about.get('mode') === 'cluster',
  };
}

/** A server that answered with an error may have another user's rights, or no such command: both are no. */
function ifRefused(error: unknown): undefined {
  if (isErrorReply(error)) return undefined;
  throw error;
}

/** Names and values in turn; what is no text or number is left out. */
function fieldsOf(reply: unknown): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  const items = asArray(reply);
  for (let at = 0; at + 1 < items.length; at += 2) {
    const value = items[at + 1];
    if (typeof value === 'string' || typeof value === 'number') fields.set(asText(items[at]), String(value));
  }
  return fields;
}

/** The mark that a script asks about instead of doing its work. */
function questionIn(reply: unknown): string | undefined {
  if (!Array.isArray(reply) || reply.length !== 2 || reply[0] !== 'which_run') return undefined;
  return asText(reply[1]);
}

function closed(): BrokerError {
  return new BrokerError('closed', 'The broker is closed');
}
