/*
 * A message that another instance has encoded in every protocol. Its bytes are sent unchanged.
 */
import { EncodedMessage } from './encoded-message.js';
import type { HubProtocol } from './hub-protocol.js';
import { malformed } from './json-fields.js';
import type { SharedMessage } from './serialized-hub-message.js';

/** The bytes of one message in several protocols, by the protocol's name. */
export type Encodings = ReadonlyMap<string, Uint8Array>;

/**
 * Copies the bytes of a protocol when the first receiver needs them. Until then, they are a view of the other instance's
 * message, because most instances have no receiver for most messages. Stateful reconnect counts every relayed message,
 * because it is always a call.
 */
export class RelayedMessage implements SharedMessage {
  readonly #encodings: Encodings;
  readonly #encoded = new Map<HubProtocol, EncodedMessage>();

  /** @throws SignalRError `malformed_message` when the bytes of one of these protocols are missing */
  constructor(encodings: Encodings, protocols: readonly HubProtocol[]) {
    if (!protocols.every(({ name }) => encodings.has(name)))
      throw malformed('The message was not encoded for every protocol.');
    this.#encodings = encodings;
  }

  encodedFor(protocol: HubProtocol): EncodedMessage {
    const known = this.#encoded.get(protocol);
    if (known !== undefined) return known;
    const bytes = Buffer.from(this.#encodings.get(protocol.name) ?? []);
    const encoded = new EncodedMessage(bytes, protocol.transferFormat, true);
    this.#encoded.set(protocol, encoded);
    return encoded;
  }
}
