/*
 * The bookkeeping of stateful reconnect: the messages that the client may have missed, and the number of messages received from it.
 * Pure: no sockets, no time. Where code and specification of ASP.NET Core differ, it follows the code.
 */
import { SignalRError } from '../errors.js';
import type { EncodedMessage } from './encoded-message.js';
import { type HubMessage, isSequenced, MessageType } from './hub-message.js';

/** The replay for a new socket, sent before any new message: the number of the first message, and the messages. */
export interface Replay {
  readonly sequenceId: number;
  readonly messages: readonly EncodedMessage[];
}

/**
 * Both directions number their messages from 1 without ever starting again. The buffer keeps the bytes of unacknowledged messages. Its
 * sender keeps it bounded: while {@link MessageBuffer.isFull}, it must not send.
 *
 * Replayed messages are kept beyond their acknowledgement, until a newer message is acknowledged. The reason: a client that loses its
 * socket in the middle of a replay has counted only the part it received, although it acknowledged all messages it had seen before,
 * and official clients give up when the server names a number beyond their count. Replayed messages are bounded by the same limit
 * again; beyond it the oldest are dropped, and such a client starts a new connection.
 */
export class MessageBuffer {
  readonly #limitBytes: number;
  /** Read from `#head` on; the part before it is removed once it is half of the array. */
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

  /** @param limitBytes unacknowledged bytes; the message that exceeds it is still accepted */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get isFull(): boolean {
    return this.#unackedBytes > this.#limitBytes;
  }

  /** Counts and keeps a message that is being sent, if it is a sequenced one. */
  sent(message: EncodedMessage): void {
    if (!message.isSequenced) return;
    this.#sentCount += 1;
    this.#kept.push(message);
    this.#keptBytes += message.payload.length;
    this.#unackedBytes += message.payload.length;
    while (this.#keptBytes > 2 * this.#limitBytes && this.#oldestKeptId <= this.#ackedId) this.#dropOldest();
  }

  /** The replay for a client that returns over another socket. The client's own replay begins with its own number. */
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
    // ASP.NET Core ignores all messages until the client names the number at which it continues.
    if (this.#isAwaitingSequence && message.type !== MessageType.sequence) return false;
    if (message.type === MessageType.sequence) return this.#resetTo(message.sequenceId);
    if (message.type === MessageType.ack) return this.#acknowledge(message.sequenceId);
    if (!isSequenced(message)) return true;
    const id = this.#nextReceivedId;
    this.#nextReceivedId += 1;
    if (id <= this.#latestReceivedId) {
      // Our acknowledgement was lost with the old socket: without another one the client would keep the message for ever.
      this.#ackedReceivedId = Math.min(this.#ackedReceivedId, id - 1);
      return false;
    }
    this.#latestReceivedId = id;
    return true;
  }

  /** The number to acknowledge now, or undefined when there is none. */
  takeAck(): number | undefined {
    if (this.#ackedReceivedId >= this.#latestReceivedId) return undefined;
    this.#ackedReceivedId = this.#latestReceivedId;
    return this.#latestReceivedId;
  }

  get #oldestKeptId(): number {
    return this.#sentCount - (this.#kept.length - this.#head) + 1;
  }

  /**
   * ASP.NET Core compares with the messages it has counted, which are fewer during a replay: but a client that loses its socket in a
   * replay may already know that all messages had been received before.
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

  /** A message that was never sent cannot be acknowledged; ASP.NET Core treats such a number as all messages sent so far. */
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
