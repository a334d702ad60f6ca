// Counts on Redis that several processes share. Each count has its own key, with a TTL.
import type { CounterStore, Occurrence } from '../port/counters.js';
import { asNumber } from './calls/replies.js';
import type { ScriptCall } from './calls/script-calls.js';
import type { RedisKeys } from './keys.js';
import { countScript } from './scripts/counters.js';

/** Dependencies of {@link RedisCounters}. */
export interface RedisCountersDependencies {
  readonly keys: RedisKeys;
  run<T>(call: ScriptCall<T>): Promise<T>;
  command(key: string, command: readonly string[]): Promise<unknown>;
}

/** The {@link CounterStore} on Redis. */
export class RedisCounters implements CounterStore {
  readonly #dependencies: RedisCountersDependencies;

  constructor(dependencies: RedisCountersDependencies) {
    this.#dependencies = dependencies;
  }

  count({ name, ageMs, keepMs }: Occurrence): Promise<number> {
    const args = [Math.max(0, Math.ceil(ageMs)), keepMs];
    const keys = [this.#dependencies.keys.counter(name)];
    return this.#dependencies.run({ script: countScript, keys, args, parse: asNumber });
  }

  async read(name: string): Promise<number> {
    const key = this.#dependencies.keys.counter(name);
    const text = await this.#dependencies.command(key, ['GET', key]);
    return typeof text === 'string' ? Number.parseInt(text, 10) || 0 : 0;
  }
}
