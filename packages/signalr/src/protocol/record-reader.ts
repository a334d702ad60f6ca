/*
 * Splits a byte stream into records that end with 0x1E, as in the JSON protocol and in every handshake. The size limit is checked
 * before a partial record is kept.
 */
import { SignalRError } from '../errors.js';

/** The byte that ends a record. */
const RECORD_SEPARATOR = 0x1e;

const EMPTY = Buffer.alloc(0);

/**
 * Reads records from chunks of bytes. The unread input is `#chunk` from `#offset` on. `#partial` is the beginning of an
 * incomplete record. It never exceeds the limit, because a longer record is an error.
 */
export class RecordReader {
  readonly #maximumRecordBytes: number;
  /** Unread input, read from `#offset` on. */
  #chunk: Buffer = EMPTY;
  #offset = 0;
  /** Pieces of an unfinished record, or undefined. They are copies, because a view would keep its whole chunk in memory. */
  #partial: Buffer[] | undefined;
  #partialBytes = 0;

  /** @param maximumRecordBytes maximum size of one record, including its separator */
  constructor(maximumRecordBytes: number) {
    this.#maximumRecordBytes = maximumRecordBytes;
  }

  push(bytes: Buffer): void {
    const unread = this.#chunk.length - this.#offset;
    this.#chunk = unread === 0 ? bytes : Buffer.concat([this.#chunk.subarray(this.#offset), bytes]);
    this.#offset = 0;
  }

  /**
   * Returns the next record without its separator, or undefined if more bytes are needed.
   * @throws SignalRError `message_too_big` as soon as a record cannot end within the limit.
   */
  next(): Buffer | undefined {
    const end = this.#chunk.indexOf(RECORD_SEPARATOR, this.#offset);
    const piece = this.#chunk.subarray(this.#offset, end < 0 ? this.#chunk.length : end);
    this.#checkSize(this.#partialBytes + piece.length + (end < 0 ? 0 : 1), end >= 0);
    if (end < 0) {
      this.#keep(piece);
      return undefined;
    }
    this.#offset = end + 1;
    return this.#finish(piece);
  }

  /** Removes and returns the unread bytes, for the parser that follows a handshake. */
  takeRest(): Buffer {
    const rest = Buffer.concat([...(this.#partial ?? []), this.#chunk.subarray(this.#offset)]);
    this.#partial = undefined;
    this.#partialBytes = 0;
    this.#chunk = EMPTY;
    this.#offset = 0;
    return rest;
  }

  #checkSize(bytes: number, isComplete: boolean): void {
    // An incomplete record that has reached the limit leaves no room for the separator.
    const isTooBig = isComplete ? bytes > this.#maximumRecordBytes : bytes >= this.#maximumRecordBytes;
    if (isTooBig) {
      throw new SignalRError(
        'message_too_big',
        `The maximum message size of ${this.#maximumRecordBytes}B was exceeded (option maximumReceiveMessageBytes).`,
      );
    }
  }

  #keep(piece: Buffer): void {
    if (piece.length > 0) {
      this.#partial ??= [];
      this.#partial.push(Buffer.from(piece));
      this.#partialBytes += piece.length;
      // Many tiny pieces cost more memory than their bytes, so they are joined from time to time.
      if (this.#partial.length > 64) this.#partial = [Buffer.concat(this.#partial)];
    }
    this.#chunk = EMPTY;
    this.#offset = 0;
  }

  #finish(piece: Buffer): Buffer {
    if (this.#partial === undefined) return piece;
    const record = Buffer.concat([...this.#partial, piece]);
    this.#partial = undefined;
    this.#partialBytes = 0;
    return record;
  }
}
