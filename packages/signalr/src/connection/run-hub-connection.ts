/*
 * Runs a connection from its first byte to its last: handshake, registration, read loop, closing and unregistration.
 * `ConnectionHost` is the interface to the hub.
 */
import { SignalRError } from '../errors.js';
import type { SignalREventListener } from '../events.js';
import type { HubMessage } from '../protocol/hub-message.js';
import type { HubMessageParser, HubProtocol } from '../protocol/hub-protocol.js';
import { toError } from './error-text.js';
import type { HubConnection } from './hub-connection.js';
import { INTERRUPTED } from './inbound-buffer.js';
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
   * Handles one message. If `dispatch` returns a promise, the next message must not be read before the
   * promise resolves. Never rejects and never throws.
   */
  dispatch(connection: HubConnection, message: HubMessage): Promise<void> | undefined;
  /** Ends the client's calls and streams after its last message, and waits for the running invocations. */
  settle(connection: HubConnection): Promise<void>;
}

/**
 * Runs a connection until it has ended and is unregistered. Never rejects.
 *
 * The steps at the end have this order:
 * - The Close message is sent first, because no message can be sent after the transport ends.
 * - The abort signal fires, so that running methods stop before `onDisconnected`.
 * - `onDisconnected` runs while the connection is still in its groups, so that the hub can notify the other
 *   members.
 * - The connection is unregistered.
 *
 * The transport closes during these steps, without waiting for the hub's code.
 */
export async function runHubConnection(connection: HubConnection, host: ConnectionHost): Promise<void> {
  const startedMs = host.ticker.monotonicMs();
  host.ticker.add(connection);
  connection.start();
  const handshake = await performHandshake(connection, host.protocols);
  if (handshake.kind === 'failed') {
    host.onEvent({ type: 'handshake_failed', ...connection.identity, reason: handshake.reason });
  } else {
    host.register(connection);
    host.onEvent({ type: 'connection_opened', ...connection.identity, protocol: handshake.protocol.name });
    if (await runConnected(connection, host)) await readMessages(connection, handshake, host);
    await host.settle(connection);
    await runDisconnected(connection, host);
    host.unregister(connection);
  }
  await connection.closed;
  host.ticker.remove(connection);
  if (handshake.kind === 'done') reportClosed(connection, host, startedMs);
}

/**
 * Runs the hub's `onConnected`. Returns false if `onConnected` failed. In that case, the Close message tells
 * the client not to reconnect automatically.
 */
async function runConnected(connection: HubConnection, host: ConnectionHost): Promise<boolean> {
  connection.setDispatching(true);
  try {
    await host.connected(connection);
    return true;
  } catch (error) {
    connection.close('connected_failed', toError(error));
    return false;
  } finally {
    connection.setDispatching(false);
  }
}

/** Reads messages until the client or the server ends the connection, or until the client violates the protocol. */
async function readMessages(
  connection: HubConnection,
  handshake: Extract<HandshakeResult, { kind: 'done' }>,
  host: ConnectionHost,
): Promise<void> {
  connection.beginReading();
  let { parser } = handshake;
  try {
    for (;;) {
      // Messages are handled in order: the next message is not even parsed before the hub has begun to handle the current message.
      for (
        let message = nextMessage(connection, parser);
        message;
        message = nextMessage(connection, parser)
      ) {
        const pending = host.dispatch(connection, message);
        if (pending === undefined) continue;
        connection.setDispatching(true);
        await pending;
        connection.setDispatching(false);
      }
      const chunk = await connection.inbound.read();
      if (chunk === undefined) return;
      // The client resends a message that was incomplete on the previous socket, so parsing starts again.
      if (chunk === INTERRUPTED) {
        parser = handshake.protocol.createParser(connection.limits.maximumReceiveMessageBytes);
      } else parser.push(chunk);
    }
  } catch (error) {
    const isTooBig = error instanceof SignalRError && error.code === 'message_too_big';
    connection.close(isTooBig ? 'message_too_big' : 'malformed_message', toError(error));
  }
}

/** Returns the next message for the hub. After the server has begun to close the connection, received messages are ignored. */
function nextMessage(connection: HubConnection, parser: HubMessageParser): HubMessage | undefined {
  while (!connection.inbound.isDiscarded) {
    const message = parser.next();
    if (message === undefined || connection.accepts(message)) return message;
  }
  return undefined;
}

async function runDisconnected(connection: HubConnection, host: ConnectionHost): Promise<void> {
  try {
    await host.disconnected(connection, connection.cause?.error);
  } catch (error) {
    host.onEvent({ type: 'disconnected_hook_failed', ...connection.identity, error: toError(error) });
  }
}

function reportClosed(connection: HubConnection, host: ConnectionHost, startedMs: number): void {
  host.onEvent({
    type: 'connection_closed',
    ...connection.identity,
    reason: connection.cause?.reason ?? 'transport_lost',
    durationMs: host.ticker.monotonicMs() - startedMs,
    error: connection.cause?.error,
  });
}
