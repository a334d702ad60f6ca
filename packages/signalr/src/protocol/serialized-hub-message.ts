/*
 * A message that goes to many connections, encoded at most once per protocol.
 */
import { EncodedMessage } from './encoded-message.js';
import { type HubMessage, isSequenced } from './hub-message.js';
import type { HubProtocol } from './hub-protocol.js';

/** A message for many connections. All connections with the same protocol receive the same bytes. */
export interface SharedMessage {
  /** @throws SignalRError `unserializable`. */
  encodedFor(protocol: HubProtocol): EncodedMessage;
}

/** Encodes its message when the first connection of a protocol needs it. Keeps the bytes for all later connections. */
export class SerializedHubMessage implements SharedMessage {
  readonly message: HubMessage;
  #encodings: { readonly protocol: HubProtocol; readonly encoded: EncodedMessage }[] = [];

  constructor(message: HubMessage) {
    this.message = message;
  }

  encodedFor(protocol: HubProtocol): EncodedMessage {
    for (const encoding of this.#encodings) {
      if (encoding.protocol === protocol) return encoding.encoded;
    }
    const encoded = encodeMessage(this.message, protocol);
    this.#encodings.push({ protocol, encoded });
    return encoded;
  }
}

/** Encodes one message in one protocol. */
export function encodeMessage(message: HubMessage, protocol: HubProtocol): EncodedMessage {
  return toEncodedMessage(protocol.write(message), protocol, isSequenced(message));
}

/** Wraps the bytes that a protocol has written. */
export function toEncodedMessage(
  payload: Buffer,
  protocol: HubProtocol,
  isSequencedMessage: boolean,
): EncodedMessage {
  return new EncodedMessage(payload, protocol.transferFormat, isSequencedMessage, protocol.leavesHeadroom);
}
