// Stores bytes in large buffers outside the JavaScript heap. A million small messages therefore cause no work for the garbage
// collector.
import { PreparedCall } from '@millrace/signalr';

/** A reference to bytes in an arena. The bytes stay valid as long as the reference is held. */
export interface ByteReference {
  readonly slab: Buffer;
  readonly start: number;
  readonly end: number;
}

const maxSlabBytes = 1_048_576;
/** A new slab has this share of the arena's bytes, so that a small arena wastes little memory. */
const slabShare = 0.25;

/**
 * Appends messages to slabs, which are buffers of up to 1 MiB, or more for a larger message. Leaves the headroom before each
 * message that `PreparedCall.fromBytes` needs. A slab is freed when its last reference is dropped. Therefore references
 * should be dropped in about the order in which they were made.
 */
export class ByteArena {
  #slab = Buffer.alloc(0);
  #used = 0;

  /**
   * Copies bytes into the arena and returns a reference to the copy.
   *
   * @param heldBytes number of bytes to which references are held
   */
  append(bytes: Buffer, heldBytes: number): ByteReference {
    const needed = PreparedCall.headroomBytes + bytes.length;
    if (this.#used + needed > this.#slab.length) {
      const slabBytes = Math.min(maxSlabBytes, Math.ceil(heldBytes * slabShare));
      this.#slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, needed));
      this.#used = 0;
    }
    const start = this.#used + PreparedCall.headroomBytes;
    this.#used += needed;
    bytes.copy(this.#slab, start);
    return { slab: this.#slab, start, end: this.#used };
  }
}

/** Returns the bytes without copying them. */
export function viewBytes({ slab, start, end }: ByteReference): Buffer {
  return slab.subarray(start, end);
}
