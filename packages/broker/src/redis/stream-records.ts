// The broker's record of each stream: its keys, its bounds, and the Redis server that had the stream at the last
// heartbeat or registration.
import { unknownStream } from '../arguments.js';
import type { StreamOptions } from '../options.js';
import type { StreamBounds } from './calls/script-calls.js';
import type { Settlement } from './connection/blocking-reader.js';
import type { RedisKeys } from './keys.js';

/** The record of one stream. */
export interface StreamRecord extends StreamBounds {
  settlement: Settlement | undefined;
}

/** Records by stream name. A record is never removed, even if a new number of partitions removes its stream. */
export class StreamRecords {
  readonly #keys: RedisKeys;
  readonly #hardCapFactor: number;
  readonly #records = new Map<string, StreamRecord>();

  constructor(keys: RedisKeys, hardCapFactor: number) {
    this.#keys = keys;
    this.#hardCapFactor = hardCapFactor;
  }

  /** Adds the missing records. */
  add(streams: readonly StreamOptions[]): void {
    for (const { name, maxLength } of streams) {
      if (this.#records.has(name)) continue;
      const hardCap = maxLength * this.#hardCapFactor;
      this.#records.set(name, {
        keys: this.#keys.ofStream(name),
        redisKeys: this.#keys,
        maxLength,
        hardCap,
        settlement: undefined,
      });
    }
  }

  /** @throws BrokerError `invalid_argument` for a stream that the broker does not have */
  of(stream: string): StreamRecord {
    const record = this.#records.get(stream);
    if (record === undefined) throw unknownStream(stream);
    return record;
  }

  /** Returns the last settlement of the stream with this key, or `undefined` before the first heartbeat or registration. */
  settlementOf(key: string): Settlement | undefined {
    return this.#records.get(this.#keys.streamNameOf(key))?.settlement;
  }
}
