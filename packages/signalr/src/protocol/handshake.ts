/*
 * The handshake is the first exchange of every connection, and selects the hub protocol and its version. Handshake messages
 * are JSON in all protocols. This file is pure. The connection waits for the bytes.
 */
import type { HubProtocol, TransferFormat } from './hub-protocol.js';
import { parseJsonRecord, requiredInt32, requiredString } from './json-fields.js';

/** The protocol and version that a client asks for. */
export interface HandshakeRequest {
  readonly protocol: string;
  readonly version: number;
}

/** The selected protocol, or the error text for a client that is refused. */
export type HandshakeDecision =
  | { readonly kind: 'accepted'; readonly protocol: HubProtocol; readonly version: number }
  | { readonly kind: 'refused'; readonly error: string };

/**
 * Reads the client's handshake request from a record without its separator. Unknown properties are ignored.
 * @throws SignalRError `malformed_message`.
 */
export function parseHandshakeRequest(record: Buffer): HandshakeRequest {
  const json = parseJsonRecord(record);
  return { protocol: requiredString(json, 'protocol'), version: requiredInt32(json, 'version') };
}

/**
 * Selects the protocol that the client asks for, or refuses the client. The texts are those of ASP.NET Core, because clients show
 * them to their users.
 */
export function decideHandshake(
  request: HandshakeRequest,
  protocols: readonly HubProtocol[],
  transportFormats: readonly TransferFormat[],
): HandshakeDecision {
  const name = request.protocol.toLowerCase();
  const protocol = protocols.find((candidate) => candidate.name === name);
  if (protocol === undefined) return refused(`The protocol '${request.protocol}' is not supported.`);
  if (!protocol.isVersionSupported(request.version)) {
    return refused(
      `The server does not support version ${request.version} of the '${protocol.name}' protocol.`,
    );
  }
  if (!transportFormats.includes(protocol.transferFormat)) {
    const format = protocol.transferFormat === 'binary' ? 'Binary' : 'Text';
    return refused(
      `Cannot use the '${protocol.name}' protocol on the current transport. ` +
        `The transport does not support '${format}' transfer format.`,
    );
  }
  return { kind: 'accepted', protocol, version: request.version };
}

/**
 * Returns the handshake response as bytes: `{}` or `{"error":…}` with the separator. The response must not contain a `type`,
 * because clients would reject it.
 */
export function writeHandshakeResponse(error?: string): Buffer {
  return Buffer.from(`${error === undefined ? '{}' : JSON.stringify({ error })}\u001e`, 'utf8');
}

function refused(error: string): HandshakeDecision {
  return { kind: 'refused', error };
}
