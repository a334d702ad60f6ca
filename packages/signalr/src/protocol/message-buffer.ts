/*
 * The bookkeeping of stateful reconnect: which messages the client may have missed, and which of its messages have
 * been seen. Pure: no sockets, no time. Follows the code of ASP.NET Core where its specification says otherwise.
 */
import { SignalRError } from '../errors.js';
import type { EncodedMessage } from './encoded-message.js';
import { type HubMessage, isSequenced, MessageType } from './hub-message.js';

/** What goes out over a fresh socket before anything new: the number of the first message, and the messages. */
export interface Replay {
  readonly sequenceId: number;
  readonly messages: readonly EncodedMessage[];
}

/**
 * Both directions count their messages from 1 and never begin anew. Kept are the bytes of what was sent and not
 * acknowledged. Bounded by whoever sends: when {@link MessageBuffer.isFull}, nothing more may be sent.
 *
 * What was replayed is kept beyond its acknowledgement, until one for something newer: a client that broke off in the middle of a
 * replay has counted no further than it got, though it acknowledged all it had seen before, and official clients give up when they
 * are told a number beyond their count. Bounded by as much again; then the oldest of it goes, and such a client begins anew.
 */
export class MessageBuffer {
  readonly #limitBytes: number;
  /** Read from `#head` on; the part before it is cut off when it makes up half of the array. */
  #kept: EncodedMessage[] = [];
  #head = 0;
  #keptBytes = 0;
  #unackedBytes = 0;
  #sentCount = 0;
  #ackedId = 0;
  /** The last number that was replayed, while the client may not have counted up to it. */
  #replayedId = 0;
  #nextReceivedId = 1;
  #latestReceivedId = 0;
  #ackedReceivedId = 0;
  #isAwaitingSequence = false;

  /** @param limitBytes unacknowledged bytes; the message that passes it is still taken */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get isFull(): boolean {
    return this.#unackedBytes > this.#limitBytes;
  }

  /** Counts and keeps a message that is being sent, if it is one that counts. */
  sent(message: EncodedMessage): void {
    if (!message.isSequenced) return;
    this.#sentCount += 1;
    this.#kept.push(message);
    this.#keptBytes += message.payload.length;
    this.#unackedBytes += message.payload.length;
    while (this.#keptBytes > 2 * this.#limitBytes && this.#oldestKeptId <= this.#ackedId) this.#dropOldest();
  }

  /** What a client that comes back over another socket is sent. What it sends itself begins with its own number. */
  replay(): Replay {
    this.#isAwaitingSequence = true;
    this.#replayedId = this.#sentCount;
    return { sequenceId: this.#oldestKeptId, messages: this.#kept.slice(this.#head) };
  }

  /**
   * Looks at a message of the client: true when it is to be acted on, false when it was for us or seen before.
   * @throws SignalRError `malformed_message` for numbers that cannot be
   */
  accept(message: HubMessage): boolean {
    // The original ignores everything that is left of the old socket until the client says where it goes on.
    if (this.#isAwaitingSequence && message.type !== MessageType.sequence) return false;
    if (message.type === MessageType.sequence) return this.#resetTo(message.sequenceId);
    if (message.type === MessageType.ack) return this.#acknowledge(message.sequenceId);
    if (!isSequenced(message)) return true;
    const id = this.#nextReceivedId;
    this.#nextReceivedId += 1;
    if (id <= this.#latestReceivedId) {
      // Our acknowledgement was lost with the old socket: without another one the client would keep it for ever.
      this.#ackedReceivedId = Math.min(this.#ackedReceivedId, id - 1);
      return false;
    }
    this.#latestReceivedId = id;
    return true;
  }

  /** The number to acknowledge now, or undefined when the client knows all there is to know. */
  takeAck(): number | undefined {
    if (this.#ackedReceivedId >= this.#latestReceivedId) return undefined;
    this.#ackedReceivedId = this.#latestReceivedId;
    return this.#latestReceivedId;
  }

  get #oldestKeptId(): number {
    return this.#sentCount - (this.#kept.length - this.#head) + 1;
  }

  /**
   * The original compares with what it has counted, which is less while a replay is under way: a client that breaks off in it
   * may meanwhile know that all was seen before.
   */
  #resetTo(sequenceId: number): false {
    if (sequenceId > this.#latestReceivedId + 1) {
      throw new SignalRError(
        'malformed_message',
        "Sequence ID greater than amount of messages we've received.",
      );
    }
    this.#isAwaitingSequence = false;
    this.#nextReceivedId = sequenceId;
    return false;
  }

  /** What was never sent cannot be acknowledged; the original takes such a number for all that was. */
  #acknowledge(sequenceId: number): false {
    const newestId = Math.min(sequenceId, this.#sentCount);
    const firstIndex = this.#head - this.#oldestKeptId;
    for (let id = Math.max(this.#ackedId + 1, this.#oldestKeptId); id <= newestId; id += 1) {
      this.#unackedBytes -= this.#kept[firstIndex + id]?.payload.length ?? 0;
    }
    this.#ackedId = Math.max(this.#ackedId, newestId);
    if (newestId > this.#replayedId) {
      while (this.#oldestKeptId <= newestId) this.#dropOldest();
    }
    return false;
  }

  #dropOldest(): void {
    this.#keptBytes -= this.#kept[this.#head]?.payload.length ?? 0;
    this.#head += 1;
    if (this.#head * 2 < this.#kept.length) return;
    this.#kept = this.#kept.slice(this.#head);
    this.#head = 0;
  }
}
