// A connection to one Redis server. Replies arrive in the order in which the commands were sent. A client does not reconnect.
// Its owner creates a new client after its end.
import type { Socket } from 'node:net';
import { type Clock, toError } from '@millrace/internal';
import { BrokerError } from '../../errors.js';
import { type Deadline, DeadlineWatch } from '../connection/deadline-watch.js';
import { openSocket } from '../connection/open-socket.js';
import type { Endpoint } from '../connection/redis-target.js';
import type { Login } from '../connection/redis-url.js';
import { ErrorReply, ReplyCursor } from './reply-cursor.js';
import { ReplyFramer } from './reply-framer.js';

const MINUS = 0x2d;

/** Clock and callbacks of a client. */
export interface RespClientOptions {
  readonly clock: Clock;
  /** Called for each error reply, before the caller sees that its command has failed. */
  readonly onErrorReply: (error: ErrorReply) => void;
  /** Called once when either side ends the connection, after every command without a reply was rejected. */
  readonly onEnd: (cause: Error) => void;
}

/** A command that waits for its reply. */
interface Waiting extends Deadline {
  readonly command: string;
  readonly decode: (reply: Buffer) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * States: connecting → connected → ended, or connecting → ended. Commands wait until the client has connected. The owner
 * limits the number of waiting commands. A command that passes its deadline ends the connection, because the later replies
 * cannot arrive either.
 */
export class RespClient {
  readonly #options: RespClientOptions;
  readonly #socket: Socket;
  readonly #watch: DeadlineWatch;
  /** Commands without a reply, in the order in which they were sent. */
  #waiting: Waiting[] = [];
  /** Encoded commands of this turn of the event loop. One write sends them at the end of the turn. */
  #unsent = '';
  readonly #sendAll = (): void => {
    const text = this.#unsent;
    this.#unsent = '';
    if (this.#failure === undefined) this.#socket.write(text);
  };
  /** The error with which commands reject after the end of the connection. `undefined` until then. */
  #failure: Error | undefined;

  /** Begins to connect. Does not log in: the owner does that with the commands of `loginCommands`. */
  constructor(endpoint: Endpoint, options: RespClientOptions) {
    this.#options = options;
    this.#watch = new DeadlineWatch(
      options.clock,
      () => earliestOf(this.#waiting),
      (nowMs) => this.#expire(nowMs),
    );
    const framer = new ReplyFramer((reply) => this.#take(reply));
    this.#socket = openSocket(endpoint, (chunk) => {
      try {
        framer.push(chunk);
      } catch (error) {
        this.end(toError(error));
      }
    });
    this.#socket.on('error', (error) => this.end(error));
    this.#socket.on('close', () => this.end(new Error('Socket closed unexpectedly')));
  }

  /**
   * Sends a command. Resolves to its reply, as converted by `decode`.
   * @throws ErrorReply if Redis answers with an error
   * @throws BrokerError `timeout` at the command's own deadline
   * @throws the error that `decode` throws, or the error that ended the connection
   */
  send(
    args: readonly string[],
    timeoutMs: number,
    decode: (reply: Buffer) => unknown = decodeReply,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      const { dueMs } = this.#watch.start(timeoutMs);
      this.#waiting.push({ command: args[0] ?? '', decode, resolve, reject, dueMs, timeoutMs });
      if (this.#unsent === '') process.nextTick(this.#sendAll);
      this.#unsent += encodeCommand(args);
    });
  }

  /** Ends the connection at once. The outcome of commands without a reply is unknown. Idempotent. */
  end(cause: Error): void {
    if (this.#failure !== undefined) return;
    // A `BrokerError` other than `closed` is about one command. For all other commands, the cause is the lost connection.
    const isAnothers = cause instanceof BrokerError && cause.code !== 'closed';
    const failure = isAnothers
      ? new BrokerError('unavailable', 'The connection to Redis was lost', { cause })
      : cause;
    this.#failure = failure;
    this.#watch.stop();
    this.#socket.destroy();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(failure);
    this.#options.onEnd(cause);
  }

  #take(reply: Buffer): void {
    if (this.#failure !== undefined) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) throw new Error('Redis sent a reply without a command');
    try {
      if (reply[0] !== MINUS) return waiting.resolve(waiting.decode(reply));
      const error = new ErrorReply(reply.toString('utf8', 1, reply.length - 2));
      waiting.reject(error);
      this.#options.onErrorReply(error);
    } catch (error) {
      waiting.reject(toError(error));
    }
  }

  #expire(nowMs: number): void {
    let cause: BrokerError | undefined;
    for (const { command, timeoutMs, dueMs, reject } of this.#waiting) {
      if (dueMs > nowMs) continue;
      const error = new BrokerError(
        'timeout',
        `Redis did not answer ${command} within ${Math.round(timeoutMs)} ms`,
      );
      reject(error);
      cause ??= error;
    }
    if (cause !== undefined) this.end(cause);
  }
}

function earliestOf(waiting: readonly Waiting[]): Deadline | undefined {
  let earliest: Deadline | undefined;
  for (const one of waiting) if (earliest === undefined || one.dueMs < earliest.dueMs) earliest = one;
  return earliest;
}

/** The separators before arguments, by the length of the argument, up to 1,023 bytes. Most arguments are not longer. */
const SEPARATORS: readonly string[] = Array.from({ length: 1_024 }, (_, bytes) => separatorOf(bytes));

function separatorOf(bytes: number): string {
  return `\r\n$${bytes}\r\n`;
}

/** Encodes a command as Redis expects it: as an array of bulk strings. */
export function encodeCommand(args: readonly string[]): string {
  let text = `*${args.length}`;
  for (const arg of args) {
    const bytes = Buffer.byteLength(arg);
    text += SEPARATORS[bytes] ?? separatorOf(bytes);
    text += arg;
  }
  return `${text}\r\n`;
}

/** Returns AUTH if there is a user or password. */
export function authCommands({ username, password }: Login): readonly (readonly string[])[] {
  if (username === '' && password === '') return [];
  return [['AUTH', ...(username === '' ? [] : [username]), password]];
}

/** Returns the first commands of a connection: AUTH if needed, CLIENT SETNAME, and SELECT if the database is not 0. */
export function loginCommands(
  endpoint: Login & { readonly database: number },
  clientName: string,
): readonly (readonly string[])[] {
  return [
    ...authCommands(endpoint),
    ['CLIENT', 'SETNAME', clientName],
    ...(endpoint.database === 0 ? [] : [['SELECT', String(endpoint.database)]]),
  ];
}

function decodeReply(reply: Buffer): unknown {
  return new ReplyCursor(reply).value();
}
