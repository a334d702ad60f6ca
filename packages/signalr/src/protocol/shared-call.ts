/* A call with any arguments that is sent several times, or to several sets of receivers. */
import type { EncodedMessage } from './encoded-message.js';
import { MessageType } from './hub-message.js';
import type { HubProtocol } from './hub-protocol.js';
import { jsonHubProtocol } from './json-hub-protocol.js';
import { SerializedHubMessage, type SharedMessage } from './serialized-hub-message.js';

/**
 * A call whose arguments are any values, each of which may be or contain a `JsonText`. It is encoded once per protocol and framed
 * once per transport, for the first receiver. All later receivers get the same bytes. The arguments must not be changed
 * afterwards.
 *
 * Bytes (`Uint8Array`) are base64 text for JSON clients, and bytes for MessagePack clients.
 * @beta
 */
export class SharedCall implements SharedMessage {
  readonly target: string;
  readonly #message: SerializedHubMessage;

  constructor(target: string, args: readonly unknown[]) {
    this.target = target;
    this.#message = new SerializedHubMessage({ type: MessageType.invocation, target, arguments: args });
  }

  /**
   * Encodes the call now, and returns it in the JSON protocol. The bytes must not be changed. A call that JSON can express can be sent
   * to clients of every protocol.
   * @throws SignalRError `unserializable`. An error of a getter or a `toJSON` of an argument is the cause
   */
  encode(): Buffer {
    return this.#message.encodedFor(jsonHubProtocol).payload;
  }

  /** @throws SignalRError `unserializable` */
  encodedFor(protocol: HubProtocol): EncodedMessage {
    return this.#message.encodedFor(protocol);
  }
}
