/*
 * The bookkeeping of stateful reconnect: which messages the client may have missed, and which of its messages have
 * been seen. Pure: no sockets, no time. Follows the code of ASP.NET Core where its specification says otherwise.
 */
import { SignalRError } from '../errors.js';
import type { EncodedMessage } from '../protocol/encoded-message.js';
import { type HubMessage, isSequenced, MessageType } from '../protocol/hub-message.js';

/** What goes out over a fresh socket before anything new: the number of the first message, and the messages. */
export interface Replay {
  readonly sequenceId: number;
  readonly messages: readonly EncodedMessage[];
}

/**
 * Both directions count their messages from 1 and never begin anew. Kept are the bytes of what was sent and not
 * acknowledged. Bounded by whoever sends: when {@link MessageBuffer.isFull}, nothing more may be sent.
 */
export class MessageBuffer {
  readonly #limitBytes: number;
  /** Read from `#head` on; the part before it is cut off when it makes up half of the array. */
  #unacked: EncodedMessage[] = [];
  #head = 0;
  #bufferedBytes = 0;
  #sentCount = 0;
  #nextReceivedId = 1;
  #latestReceivedId = 0;
  #ackedReceivedId = 0;
  #isAwaitingSequence = false;

  /** @param limitBytes unacknowledged bytes; the message that passes it is still taken */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get isFull(): boolean {
    return this.#bufferedBytes > this.#limitBytes;
  }

  /** Counts and keeps a message that is being sent, if it is one that counts. */
  sent(message: EncodedMessage): void {
    if (!message.isSequenced) return;
    this.#sentCount += 1;
    this.#unacked.push(message);
    this.#bufferedBytes += message.payload.length;
  }

  /** What a client that comes back over another socket is sent. What it sends itself begins with its own number. */
  replay(): Replay {
    this.#isAwaitingSequence = true;
    return { sequenceId: this.#oldestUnackedId, messages: this.#unacked.slice(this.#head) };
  }

  /**
   * Looks at a message of the client: true when it is to be acted on, false when it was for us or seen before.
   * @throws SignalRError `malformed_message` for numbers that cannot be
   */
  accept(message: HubMessage): boolean {
    // The original ignores everything that is left of the old socket until the client says where it goes on.
    if (this.#isAwaitingSequence && message.type !== MessageType.sequence) return false;
    if (message.type === MessageType.sequence) return this.#resetTo(message.sequenceId);
    if (message.type === MessageType.ack) return this.#dropUntil(message.sequenceId);
    if (!isSequenced(message)) return true;
    const id = this.#nextReceivedId;
    this.#nextReceivedId += 1;
    if (id <= this.#latestReceivedId) return false;
    this.#latestReceivedId = id;
    return true;
  }

  /** The number to acknowledge now, or undefined when the client knows all there is to know. Once per number. */
  takeAck(): number | undefined {
    if (this.#ackedReceivedId >= this.#latestReceivedId) return undefined;
    this.#ackedReceivedId = this.#latestReceivedId;
    return this.#latestReceivedId;
  }

  get #oldestUnackedId(): number {
    return this.#sentCount - (this.#unacked.length - this.#head) + 1;
  }

  #resetTo(sequenceId: number): false {
    if (sequenceId > this.#nextReceivedId) {
      throw new SignalRError(
        'malformed_message',
        "Sequence ID greater than amount of messages we've received.",
      );
    }
    this.#isAwaitingSequence = false;
    this.#nextReceivedId = sequenceId;
    return false;
  }

  /** What was never sent cannot be dropped; the original takes such a number for all that was. */
  #dropUntil(sequenceId: number): false {
    const count = Math.min(sequenceId, this.#sentCount) - this.#oldestUnackedId + 1;
    const end = this.#head + Math.max(0, count);
    for (let index = this.#head; index < end; index += 1) {
      this.#bufferedBytes -= this.#unacked[index]?.payload.length ?? 0;
    }
    this.#head = end;
    if (this.#head * 2 >= this.#unacked.length) {
      this.#unacked = this.#unacked.slice(this.#head);
      this.#head = 0;
    }
    return false;
  }
}
