/* A call that is sent several times, for example to a room now and to returning clients later. */
import { type EncodedMessage, HEADROOM_BYTES, textWithHeadroom } from './encoded-message.js';
import { MessageType } from './hub-message.js';
import type { HubProtocol } from './hub-protocol.js';
import { jsonHubProtocol } from './json-hub-protocol.js';
import { JsonText } from './json-text.js';
import { encodeMessage, type SharedMessage, toEncodedMessage } from './serialized-hub-message.js';

const HEAD = '{"type":1,"target":';
const BEFORE_ARGUMENT = ',"arguments":[';
const TAIL = ']}\u001e';
/** The check of a relayed text would cost more than to send it. */
const TRUSTED = { isTrusted: true };

/**
 * A call with one argument that is JSON text. It is encoded once per protocol and framed once per transport, for the first
 * receiver. All later receivers get the same bytes.
 *
 * To store a call, store its {@link PreparedCall.bytes}. `fromBytes` creates a call from the stored bytes, and sends the same
 * bytes to JSON clients.
 * @beta
 */
export class PreparedCall implements SharedMessage {
  readonly target: string;
  #text: string | undefined;
  #json: EncodedMessage | undefined;
  #others: { readonly protocol: HubProtocol; readonly encoded: EncodedMessage }[] | undefined;

  /**
   * @param text one JSON value. It is not checked, because this class is for events that are relayed many times: use the text of a
   *   {@link JsonText} if it was not checked before
   */
  constructor(target: string, text: string) {
    this.target = target;
    this.#text = text;
  }

  /**
   * Creates a call from stored bytes, without copying them.
   * @param bytes the value of `bytes` of an earlier call with the same target. In their buffer, `PreparedCall.headroomBytes`
   *   bytes before them must be free for a frame's header. Only this call may use these free bytes
   */
  static fromBytes(target: string, bytes: Buffer): PreparedCall {
    const call = new PreparedCall(target, '');
    call.#text = undefined;
    call.#json = toEncodedMessage(bytes, jsonHubProtocol, true);
    return call;
  }

  /** Number of free bytes that `fromBytes` requires before the message. */
  static readonly headroomBytes = HEADROOM_BYTES;

  /** The argument as JSON text. */
  get text(): string {
    this.#text ??= this.#readText();
    return this.#text;
  }

  /** The message in the JSON protocol. The bytes must not be changed. */
  get bytes(): Buffer {
    return this.#asJson().payload;
  }

  encodedFor(protocol: HubProtocol): EncodedMessage {
    if (protocol === jsonHubProtocol) return this.#asJson();
    const known = this.#others?.find((other) => other.protocol === protocol);
    if (known !== undefined) return known.encoded;
    const { target, text } = this;
    const encoded = encodeMessage(
      { type: MessageType.invocation, target, arguments: [new JsonText(text, TRUSTED)] },
      protocol,
    );
    this.#others = [...(this.#others ?? []), { protocol, encoded }];
    return encoded;
  }

  #asJson(): EncodedMessage {
    if (this.#json === undefined) {
      const text = `${HEAD}${JSON.stringify(this.target)}${BEFORE_ARGUMENT}${this.text}${TAIL}`;
      this.#json = toEncodedMessage(textWithHeadroom(text), jsonHubProtocol, true);
    }
    return this.#json;
  }

  #readText(): string {
    const bytes = this.#json?.payload ?? Buffer.alloc(0);
    const start = HEAD.length + Buffer.byteLength(JSON.stringify(this.target)) + BEFORE_ARGUMENT.length;
    return bytes.toString('utf8', start, bytes.length - TAIL.length);
  }
}
