// Erases entries on Redis.
import { checkErasure } from '../arguments.js';
import type { EntryId } from '../entries/entry-id.js';
import type { ResolvedBrokerOptions } from '../options.js';
import type { ErasedRemoval, Erasure, ErasureStore } from '../port/erasure-store.js';
import { eraseCall, removeErasedCall, type ScriptCall } from './calls/script-calls.js';
import type { StreamRecords } from './stream-records.js';

/** Dependencies of {@link RedisErasures}. */
export interface RedisErasuresDependencies {
  readonly options: ResolvedBrokerOptions;
  readonly records: StreamRecords;
  run<T>(call: ScriptCall<T>): Promise<T>;
}

/** The {@link ErasureStore} on Redis. */
export class RedisErasures implements ErasureStore {
  readonly #dependencies: RedisErasuresDependencies;

  constructor(dependencies: RedisErasuresDependencies) {
    this.#dependencies = dependencies;
  }

  async erase(stream: string, erasure: Erasure): Promise<EntryId | undefined> {
    checkErasure(erasure);
    const { options, records, run } = this.#dependencies;
    return run(eraseCall(records.of(stream).keys, options, erasure));
  }

  async remove(stream: string): Promise<ErasedRemoval> {
    const { options, records, run } = this.#dependencies;
    const { keys } = records.of(stream);
    if (keys.isObserved) return { removed: 0, waiting: 0, isKept: true };
    return run(removeErasedCall(keys, options));
  }
}
