/*
 * A message that another instance has encoded: its bytes in every protocol, sent unchanged.
 */
import { EncodedMessage } from './encoded-message.js';
import type { HubProtocol } from './hub-protocol.js';
import { malformed } from './json-fields.js';
import type { SharedMessage } from './serialized-hub-message.js';

/** One message in several protocols, by the protocol's name. */
export type Encodings = ReadonlyMap<string, Uint8Array>;

/**
 * Copies the bytes of a protocol only for a receiver that speaks it: until then they are a view of the received message, and most
 * instances have no receiver of most messages. It is a call, so stateful reconnect counts it.
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
