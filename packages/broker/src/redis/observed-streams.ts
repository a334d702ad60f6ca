// Marks the streams that another system owns, so that no process removes entries from them.
import type { Clock } from '@millrace/internal';
import { isRefusal } from '../errors.js';
import { observeCall, type ScriptCall } from './calls/script-calls.js';
import type { RedisKeys } from './keys.js';
import { OBSERVED_KEYS_MS } from './scripts/observe.js';

/** Pause after a renewal that failed. */
const RETRY_MS = 60_000;

/** A mark is renewed after a seventh of its lifetime, by gateways and by processes that only publish. */
const RENEW_MS = OBSERVED_KEYS_MS / 7;

/** Dependencies of {@link ObservedMarks}. */
export interface ObservedMarksDependencies {
  readonly keys: RedisKeys;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  run(call: ScriptCall<void>): Promise<void>;
}

/** The marks of the streams that another system owns. */
export class ObservedMarks {
  readonly #names: ReadonlySet<string>;
  readonly #dependencies: ObservedMarksDependencies;
  #renewAtMs = 0;

  constructor(names: ReadonlySet<string>, dependencies: ObservedMarksDependencies) {
    this.#names = names;
    this.#dependencies = dependencies;
  }

  /**
   * Marks every stream. A missing permission to write a mark is ignored, because this process knows the owner without the mark.
   * @throws BrokerError if Redis cannot be asked
   */
  async mark(): Promise<void> {
    const { keys, clock, run } = this.#dependencies;
    this.#renewAtMs = clock.monotonicMs() + RENEW_MS;
    const marks = [...this.#names].map((name) => run(observeCall(keys.ofStream(name), false)));
    for (const result of await Promise.allSettled(marks))
      if (result.status === 'rejected' && !isRefusal(result.reason)) throw result.reason;
  }

  /** Marks the streams again, once a day. Does not wait, and tries again later if that fails. Called with every append. */
  renewIfDue(): void {
    const { clock } = this.#dependencies;
    if (this.#names.size === 0 || clock.monotonicMs() < this.#renewAtMs) return;
    this.mark().catch(() => {
      this.#renewAtMs = clock.monotonicMs() + RETRY_MS;
    });
  }
}
