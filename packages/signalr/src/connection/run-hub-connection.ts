/*
 * Runs a connection from its first byte to its last: handshake, registration, read loop, closing and unregistration.
 * `ConnectionHost` is the interface to the hub.
 */
import { AsyncResource } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { toError } from '@millrace/internal';
import { SignalRError } from '../errors.js';
import type { HubCode, SignalREventListener } from '../events.js';
import type { HubMessage } from '../protocol/hub-message.js';
import type { HubMessageParser, HubProtocol } from '../protocol/hub-protocol.js';
import { endsInTime } from './hub-code-limit.js';
import type { HubConnection } from './hub-connection.js';
import { INTERRUPTED, type Inbound, type InboundReader, WAITING } from './inbound-buffer.js';
import { type HandshakeResult, performHandshake } from './perform-handshake.js';
import type { Ticker } from './ticker.js';

/** The part of the hub that a connection uses. */
export interface ConnectionHost {
  readonly protocols: readonly HubProtocol[];
  readonly ticker: Ticker;
  readonly onEvent: SignalREventListener;
  /** Makes the connection reachable for sends. Synchronous. */
  register(connection: HubConnection): void;
  /** Removes the connection from every group and map. Synchronous. */
  unregister(connection: HubConnection): void;
  /** Runs the hub's `onConnected`. Rejects with the hub's error. */
  connected(connection: HubConnection): Promise<void>;
  /** Runs the hub's `onDisconnected`. Rejects with the hub's error. */
  disconnected(connection: HubConnection, error: Error | undefined): Promise<void>;
  /**
   * Handles one message. If it returns a promise, the next message must not be read before the promise resolves. Never
   * rejects and never throws.
   */
  dispatch(connection: HubConnection, message: HubMessage): Promise<void> | undefined;
  /** Ends the client's calls and streams after its last message, and waits for running invocations. */
  settle(connection: HubConnection): Promise<void>;
}

/**
 * Runs a connection until it has ended and is unregistered. Then `connection.ended` resolves.
 *
 * No function waits while the client is silent. Arriving bytes call the reader instead. A waiting function would cost each
 * idle connection a kilobyte of promises and suspended functions.
 * @param listenerProtocol the protocol of a listener, which sends no handshake
 */
export function runHubConnection(
  connection: HubConnection,
  host: ConnectionHost,
  listenerProtocol?: HubProtocol,
): void {
  void beginConnection(connection, host, listenerProtocol);
}

/** Performs the handshake and runs `onConnected`. Then the reader takes over. Never rejects. */
async function beginConnection(
  connection: HubConnection,
  host: ConnectionHost,
  listenerProtocol: HubProtocol | undefined,
): Promise<void> {
  const startedMs = host.ticker.monotonicMs();
  host.ticker.add(connection);
  connection.start();
  const handshake =
    listenerProtocol === undefined
      ? await performHandshake(connection, host.protocols)
      : openListener(connection, listenerProtocol);
  if (handshake.kind === 'failed') {
    host.onEvent({ type: 'handshake_failed', ...connection.identity, reason: handshake.reason });
    await connection.closed.promise;
    host.ticker.remove(connection);
    connection.end();
    return;
  }
  host.register(connection);
  host.onEvent({ type: 'connection_opened', ...connection.identity, protocol: handshake.protocol.name });
  if (await runConnected(connection, host)) new MessageReader(connection, handshake, host, startedMs).start();
  else await endConnection(connection, host, startedMs);
}

function openListener(connection: HubConnection, protocol: HubProtocol): HandshakeResult {
  connection.open(protocol, 1);
  return { kind: 'done', protocol, parser: protocol.createParser(0) };
}

/**
 * Ends a connection after its last message. Never rejects. The order has these reasons:
 * - The Close message was sent already, because no message can be sent after the transport ends.
 * - The abort signal has fired already, so that running methods stop before `onDisconnected`.
 * - `onDisconnected` runs before the connection leaves its groups, so that the hub can notify the other members.
 * - The connection is unregistered last.
 *
 * The transport closes during these steps, without waiting for the hub's code. Code that does not end in time is not waited for.
 */
async function endConnection(
  connection: HubConnection,
  host: ConnectionHost,
  startedMs: number,
): Promise<void> {
  await waitFor('methods', host.settle(connection), { connection, host });
  await runDisconnected(connection, host);
  host.unregister(connection);
  await connection.closed.promise;
  host.ticker.remove(connection);
  reportClosed(connection, host, startedMs);
  connection.end();
}

/**
 * Runs the hub's `onConnected`. Returns false if `onConnected` failed, or did not end after its client had gone. If it failed, the Close
 * message tells the client not to reconnect automatically.
 */
async function runConnected(connection: HubConnection, host: ConnectionHost): Promise<boolean> {
  connection.setDispatching(true);
  try {
    return await waitFor('onConnected', host.connected(connection), { connection, host });
  } catch (error) {
    connection.close('connected_failed', toError(error));
    return false;
  } finally {
    connection.setDispatching(false);
  }
}

/**
 * Maximum number of messages of one client before other clients have a turn. A client may send many messages at once, and the
 * methods that they call may never wait.
 */
const MESSAGES_PER_TURN = 64;

/**
 * Reads messages until the client or the server ends the connection, or until the client violates the protocol. Messages are
 * handled in the async context of the request that opened the connection. A tracer can therefore link them to that request.
 */
class MessageReader extends AsyncResource implements InboundReader {
  readonly #connection: HubConnection;
  readonly #host: ConnectionHost;
  readonly #protocol: HubProtocol;
  readonly #startedMs: number;
  #parser: HubMessageParser;
  #messagesInTurn = 0;
  /** True if no message was completed since the last bytes arrived. */
  #isIncomplete = false;

  constructor(
    connection: HubConnection,
    { protocol, parser }: Extract<HandshakeResult, { kind: 'done' }>,
    host: ConnectionHost,
    startedMs: number,
  ) {
    super('SignalRConnection');
    this.#connection = connection;
    this.#host = host;
    this.#protocol = protocol;
    this.#parser = parser;
    this.#startedMs = startedMs;
  }

  start(): void {
    this.#connection.beginReading();
    this.#read();
  }

  onInbound(item: Inbound): void {
    this.runInAsyncScope(this.#receive, this, item);
  }

  #receive(item: Inbound): void {
    if (this.#accept(item)) this.#read();
  }

  /** Handles all messages that have arrived, in order. A malformed message ends the connection. */
  #read(): void {
    const { inbound } = this.#connection;
    try {
      for (;;) {
        const pending = this.#handleMessages();
        if (pending !== undefined) {
          void this.#readAfter(pending);
          return;
        }
        const item = inbound.next(this);
        if (item === WAITING || !this.#accept(item)) return;
      }
    } catch (error) {
      const isTooBig = error instanceof SignalRError && error.code === 'message_too_big';
      this.#connection.close(isTooBig ? 'message_too_big' : 'malformed_message', toError(error));
      this.#end();
    }
  }

  /**
   * Passes messages to the hub. Returns a promise if the hub must finish a message before the next one is parsed.
   * @throws SignalRError for a message that violates the protocol
   */
  #handleMessages(): Promise<void> | undefined {
    for (;;) {
      const message = nextMessage(this.#connection, this.#parser);
      if (message === undefined) return undefined;
      this.#isIncomplete = false;
      this.#messagesInTurn += 1;
      const pending = this.#host.dispatch(this.#connection, message) ?? this.#connection.budget?.pause();
      if (pending !== undefined || this.#messagesInTurn >= MESSAGES_PER_TURN)
        return pending ?? Promise.resolve();
    }
  }

  async #readAfter(pending: Promise<void>): Promise<void> {
    this.#connection.setDispatching(true);
    await pending;
    if (this.#messagesInTurn >= MESSAGES_PER_TURN) {
      this.#messagesInTurn = 0;
      await nextTurn();
    }
    this.#connection.setDispatching(false);
    this.#read();
  }

  /** Gives the parser the next bytes. Returns false when there are no more. */
  #accept(item: Inbound): boolean {
    if (item === undefined) {
      this.#end();
      return false;
    }
    // The client sends a message again that was incomplete on the previous socket, so parsing starts again.
    if (item === INTERRUPTED) {
      this.#parser = this.#protocol.createParser(this.#connection.limits.maximumReceiveMessageBytes);
    } else {
      // Bytes that complete no message cost as much as a message.
      if (this.#isIncomplete) this.#connection.budget?.charge();
      this.#isIncomplete = true;
      this.#parser.push(item);
    }
    return true;
  }

  /** `close` may cause the end of the input. It must first write the Close message and change the state. */
  #end(): void {
    queueMicrotask(() => void endConnection(this.#connection, this.#host, this.#startedMs));
  }
}

/** Returns the next message for the hub. Ignores messages that arrive after the server has begun to close the connection. */
function nextMessage(connection: HubConnection, parser: HubMessageParser): HubMessage | undefined {
  while (!connection.inbound.isDiscarded) {
    const message = parser.next();
    if (message === undefined || connection.accepts(message)) return message;
    connection.budget?.charge();
  }
  return undefined;
}

/** Waits for a part of the hub's code, and reports it if it does not end in time. Returns false in that case. */
async function waitFor(
  code: HubCode,
  running: Promise<void>,
  { connection, host }: { readonly connection: HubConnection; readonly host: ConnectionHost },
): Promise<boolean> {
  const isInTime = await endsInTime(running, connection, host.ticker);
  if (!isInTime) host.onEvent({ type: 'hub_code_overdue', ...connection.identity, code });
  return isInTime;
}

async function runDisconnected(connection: HubConnection, host: ConnectionHost): Promise<void> {
  try {
    const ran = host.disconnected(connection, connection.cause?.error);
    await waitFor('onDisconnected', ran, { connection, host });
  } catch (error) {
    host.onEvent({ type: 'disconnected_hook_failed', ...connection.identity, error: toError(error) });
  }
}

/** Reports the end of a connection that was reported as opened. */
export function reportClosed(
  connection: HubConnection,
  host: Pick<ConnectionHost, 'onEvent' | 'ticker'>,
  startedMs: number,
): void {
  host.onEvent({
    type: 'connection_closed',
    ...connection.identity,
    reason: connection.cause?.reason ?? 'transport_lost',
    durationMs: host.ticker.monotonicMs() - startedMs,
    error: connection.cause?.error,
  });
}
