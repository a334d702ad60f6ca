// Caches the calls that the ring made from its bytes. Many clients reconnect at about the same time and receive the same
// frames.
import { OldestFirstMap } from '@millrace/internal';
import type { PreparedCall } from '@millrace/signalr';

/**
 * Stores each call under its event's sequence number in the ring. Above `maxBytes`, the oldest call is evicted. The ring
 * makes it again when needed.
 */
export class PreparedCallCache {
  readonly #maxBytes: number;
  readonly #calls = new OldestFirstMap<number, PreparedCall>();
  #bytes = 0;

  /**
   * @param maxBytes maximum size of all calls in JSON. Encodings for other protocols need additional memory
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(sequence: number): PreparedCall | undefined {
    return this.#calls.get(sequence);
  }

  add(sequence: number, call: PreparedCall): void {
    this.#calls.set(sequence, call);
    this.#bytes += call.bytes.length;
    for (let oldest = this.#calls.oldest(); oldest !== undefined; oldest = this.#calls.oldest()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.delete(oldest[0]);
    }
  }

  delete(sequence: number): void {
    const call = this.#calls.get(sequence);
    if (call === undefined) return;
    this.#calls.delete(sequence);
    this.#bytes -= call.bytes.length;
  }
}
