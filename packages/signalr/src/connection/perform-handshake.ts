/*
 * The handshake of one connection: waits for the client's handshake request, decides whether to accept the client, and answers.
 */
import { SignalRError } from '../errors.js';
import type { HandshakeFailure } from '../events.js';
import { EncodedMessage } from '../protocol/encoded-message.js';
import { decideHandshake, parseHandshakeRequest, writeHandshakeResponse } from '../protocol/handshake.js';
import type { HubMessageParser, HubProtocol } from '../protocol/hub-protocol.js';
import { RecordReader } from '../protocol/record-reader.js';
import { buildErrorText } from './error-text.js';
import type { HubConnection } from './hub-connection.js';
import { INTERRUPTED } from './inbound-buffer.js';

/**
 * The selected protocol and its parser, or the reason why the handshake failed. The parser already contains the bytes that
 * followed the handshake request.
 */
export type HandshakeResult =
  | { readonly kind: 'done'; readonly protocol: HubProtocol; readonly parser: HubMessageParser }
  | { readonly kind: 'failed'; readonly reason: HandshakeFailure };

/**
 * Waits for the client's handshake request until the handshake timeout, and answers the request. After a failure, the
 * connection is closing. A client that is still connected has received the error.
 */
export async function performHandshake(
  connection: HubConnection,
  protocols: readonly HubProtocol[],
): Promise<HandshakeResult> {
  const records = new RecordReader(connection.limits.maximumReceiveMessageBytes);
  try {
    const record = await readRecord(connection, records);
    if (record === undefined) return giveUp(connection);
    const formats = connection.transport.formats;
    const decision = decideHandshake(parseHandshakeRequest(record), protocols, formats);
    if (decision.kind === 'refused') return fail(connection, 'refused', decision.error);
    return accept(connection, decision, records);
  } catch (error) {
    if (error instanceof SignalRError && error.code === 'message_too_big') {
      return fail(connection, 'too_big', 'Handshake was canceled.');
    }
    const prefix = 'An unexpected error occurred during connection handshake.';
    const isDetailed = connection.limits.enableDetailedErrors;
    return fail(connection, 'malformed', buildErrorText(prefix, error, isDetailed));
  }
}

async function readRecord(connection: HubConnection, records: RecordReader): Promise<Buffer | undefined> {
  for (;;) {
    const chunk = await connection.inbound.read();
    // A client that loses its socket before the handshake cannot resume, so the connection ends.
    if (chunk === undefined || chunk === INTERRUPTED) return undefined;
    records.push(chunk);
    const record = records.next();
    if (record !== undefined) return record;
  }
}

function accept(
  connection: HubConnection,
  { protocol, version }: { readonly protocol: HubProtocol; readonly version: number },
  records: RecordReader,
): HandshakeResult {
  const parser = protocol.createParser(connection.limits.maximumReceiveMessageBytes);
  parser.push(records.takeRest());
  connection.writeHandshake(new EncodedMessage(writeHandshakeResponse(), protocol.transferFormat));
  connection.open(protocol, version);
  return { kind: 'done', protocol, parser };
}

function giveUp(connection: HubConnection): HandshakeResult {
  if (connection.isHandshakeExpired) return fail(connection, 'timeout', 'Handshake was canceled.');
  connection.endHandshake();
  return { kind: 'failed', reason: 'closed' };
}

function fail(connection: HubConnection, reason: HandshakeFailure, error: string): HandshakeResult {
  connection.writeHandshake(new EncodedMessage(writeHandshakeResponse(error), 'text'));
  connection.endHandshake();
  return { kind: 'failed', reason };
}
