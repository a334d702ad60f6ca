/*
 * Counts messages for stateful reconnect: those that the client may have missed, and those received from the client. Uses no
 * sockets and no clock. Where the code of ASP.NET Core differs from its specification, this file follows the code.
 */
import { SignalRError } from '../errors.js';
import type { EncodedMessage } from './encoded-message.js';
import { type HubMessage, isSequenced, MessageType } from './hub-message.js';

/**
 * The messages to resend over a new socket, and the number of the first one. The replayed messages are sent
 * before any new message.
 */
export interface Replay {
  readonly sequenceId: number;
  readonly messages: readonly EncodedMessage[];
}

/**
 * Messages are numbered from 1 in each direction, and numbering never restarts. The buffer keeps the bytes of unacknowledged
 * messages. It does not limit them itself: while {@link MessageBuffer.isFull} is true, its owner must not send.
 *
 * Replayed messages are kept even after they are acknowledged, until a newer message is acknowledged. The reason is a client
 * that loses its socket during a replay. Such a client has acknowledged all messages before the replay, but has counted only
 * the part of the replay that arrived. A next replay that began after the acknowledged messages would have a higher first
 * number than the client's count. Official clients give up then.
 *
 * All kept messages together are limited to twice `limitBytes`. Above it, the oldest acknowledged messages are dropped. A
 * client that would need them starts a new connection.
 */
export class MessageBuffer {
  readonly #limitBytes: number;
  /** The kept messages begin at `#head`. Dropped messages before it are removed from the array when they fill half of it. */
  #kept: EncodedMessage[] = [];
  #head = 0;
  #keptBytes = 0;
  #unackedBytes = 0;
  #sentCount = 0;
  #ackedId = 0;
  /** The number of the last replayed message. The client may have counted only up to an earlier one. */
  #replayedId = 0;
  #nextReceivedId = 1;
  #latestReceivedId = 0;
  #ackedReceivedId = 0;
  #isAwaitingSequence = false;

  /**
   * @param limitBytes maximum size of unacknowledged messages. The message that exceeds this limit is
   * accepted
   */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get isFull(): boolean {
    return this.#unackedBytes > this.#limitBytes;
  }

  /** Counts and keeps a message that is being sent, if stateful reconnect counts it. */
  sent(message: EncodedMessage): void {
    if (!message.isSequenced) return;
    this.#sentCount += 1;
    this.#kept.push(message);
    this.#keptBytes += message.payload.length;
    this.#unackedBytes += message.payload.length;
    while (this.#keptBytes > 2 * this.#limitBytes && this.#oldestKeptId <= this.#ackedId) this.#dropOldest();
  }

  /**
   * Returns the messages to resend to a client that reconnects over another socket. From now on, the client's messages are
   * ignored until its sequence message, with which its own replay begins.
   */
  replay(): Replay {
    this.#isAwaitingSequence = true;
    this.#replayedId = this.#sentCount;
    return { sequenceId: this.#oldestKeptId, messages: this.#kept.slice(this.#head) };
  }

  /**
   * Returns true if the hub has to act on the client's message. Returns false if the message belongs to stateful reconnect, or was
   * received before.
   * @throws SignalRError `malformed_message` for an impossible sequence number
   */
  accept(message: HubMessage): boolean {
    // All messages are ignored until the client names the number at which it continues, as in ASP.NET Core.
    if (this.#isAwaitingSequence && message.type !== MessageType.sequence) return false;
    if (message.type === MessageType.sequence) return this.#resetTo(message.sequenceId);
    if (message.type === MessageType.ack) return this.#acknowledge(message.sequenceId);
    if (!isSequenced(message)) return true;
    const id = this.#nextReceivedId;
    this.#nextReceivedId += 1;
    if (id <= this.#latestReceivedId) {
      // The first acknowledgement was lost with the old socket. The client would keep the message forever without a second
      // one.
      this.#ackedReceivedId = Math.min(this.#ackedReceivedId, id - 1);
      return false;
    }
    this.#latestReceivedId = id;
    return true;
  }

  /** Returns the sequence number to acknowledge now, or undefined if there is none. */
  takeAck(): number | undefined {
    if (this.#ackedReceivedId >= this.#latestReceivedId) return undefined;
    this.#ackedReceivedId = this.#latestReceivedId;
    return this.#latestReceivedId;
  }

  get #oldestKeptId(): number {
    return this.#sentCount - (this.#kept.length - this.#head) + 1;
  }

  /**
   * Continues counting at the number that the client names. It may be at most one above the highest number received so far.
   * ASP.NET Core compares it with its current count instead, which is lower during a replay. Therefore ASP.NET Core refuses
   * some clients that lose their socket during their replay.
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

  /** Handles an acknowledgement. A number beyond the last message acknowledges all messages sent so far, as in ASP.NET Core. */
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
