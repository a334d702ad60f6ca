// Keeps the number of partitions of each declared stream. A number that is stored in Redis applies to all processes. The
// first gateway stores one if there is none.
import type { Clock } from '@millrace/internal';
import { BrokerError, isRefusal } from '../errors.js';
import { isObserved, type StreamOptions } from '../options.js';
import { Partitioning, partitioningOf } from '../partitions/partitioning.js';
import { acceptedOf } from './calls/accepted.js';
import { partitionsCall, type ScriptCall } from './calls/script-calls.js';
import type { RedisKeys } from './keys.js';

/** Milliseconds after which a publisher looks again for a stored number of partitions. */
const LOOK_AGAIN_MS = 1_000;
/** Milliseconds between two looks of a subscriber at the numbers that it uses. */
const KEEP_MS = 10_000;

/** Dependencies of {@link StoredPartitions}. */
export interface StoredPartitionsDependencies {
  readonly keys: RedisKeys;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  run<T>(call: ScriptCall<T>): Promise<T>;
  /** Called after each change of `partitioning`. */
  onChange(): void;
}

/**
 * States: open → settled. Settled means that the store has a number for every stream. The numbers of the options apply before
 * (1 for a stream without a number).
 */
export class StoredPartitions {
  readonly #streams: readonly StreamOptions[];
  readonly #dependencies: StoredPartitionsDependencies;
  #partitioning: Partitioning;
  #isSettled = false;
  #lookAgainAtMs = 0;
  /** Declared streams for which the store has answered at least once. */
  readonly #everSettled = new Set<string>();
  /** Declared streams whose number the store refused to return, with each refusal. */
  readonly #refusals = new Map<string, BrokerError>();
  /** True after a subscriber has registered. A different number in the store is then an error. */
  #isFixed = false;
  #keepAtMs = 0;
  /** The difference that the last look of a subscriber has found. */
  #difference: BrokerError | undefined;

  constructor(streams: readonly StreamOptions[], dependencies: StoredPartitionsDependencies) {
    this.#streams = streams;
    this.#dependencies = dependencies;
    this.#partitioning = partitioningOf(streams);
  }

  /** The partitioning in force. */
  get partitioning(): Partitioning {
    return this.#partitioning;
  }

  /** Fixes the present numbers, because a subscriber reads these streams from now on. */
  fix(): void {
    this.#isFixed = true;
    this.#keepAtMs = this.#dependencies.clock.monotonicMs() + KEEP_MS;
  }

  /**
   * Stores the present numbers again if they were deleted or evicted, every ten seconds. Otherwise a later process would store another
   * number, and add events to streams that no running gateway reads. Does not wait, because one node of a cluster may be unavailable. Called
   * with every heartbeat.
   * @throws BrokerError `partitions_differ` if the last look has found another number
   */
  keep(): void {
    const nowMs = this.#dependencies.clock.monotonicMs();
    if (this.#isFixed && nowMs >= this.#keepAtMs) {
      this.#keepAtMs = nowMs + KEEP_MS;
      this.settle({ isClaiming: true }).then(
        () => (this.#difference = undefined),
        (error: unknown) => {
          // The heartbeat itself reports that the store is unavailable.
          if (error instanceof BrokerError && error.code === 'partitions_differ') this.#difference = error;
        },
      );
    }
    if (this.#difference !== undefined) throw this.#difference;
  }

  /**
   * Adopts the numbers in the store. Stores the number from the options for a stream without one, if the options have it.
   * With `isClaiming`, stores the present number instead.
   * @throws BrokerError `partitions_differ` if the store has a different number, or `refused` if the store refuses all
   *   streams
   */
  async settle({ isClaiming }: { readonly isClaiming: boolean }): Promise<void> {
    const stored = await acceptedOf(
      this.#streams.map(async (stream) => {
        const { name, partitions = 0 } = stream;
        // A stream of another system has no partitions.
        if (isObserved(stream)) return [name, 1] as const;
        const wanted = isClaiming ? this.#partitioning.countOf(name) : partitions;
        const count = await this.#storedCount(name, wanted);
        const fixed = this.#isFixed ? this.#partitioning.countOf(name) : partitions;
        if (fixed > 0 && count !== fixed) throw partitionsDiffer(name, fixed, count);
        return [name, count] as const;
      }),
    );
    this.#isSettled = this.#refusals.size === 0 && stored.every(([, count]) => count > 0);
    const counts = new Map(this.#streams.map(({ name }) => [name, this.#partitioning.countOf(name)]));
    for (const [name, count] of stored) counts.set(name, Math.max(1, count));
    if (this.#streams.every(({ name }) => counts.get(name) === this.#partitioning.countOf(name))) return;
    this.#partitioning = new Partitioning(this.#streams, counts);
    this.#dependencies.onChange();
  }

  /**
   * Asks the store for the missing numbers again, at most once per second. A publisher may start before the first gateway,
   * which chooses the numbers.
   */
  lookIfDue(): void {
    if (this.#isSettled) return;
    const nowMs = this.#dependencies.clock.monotonicMs();
    if (nowMs < this.#lookAgainAtMs) return;
    this.#lookAgainAtMs = nowMs + LOOK_AGAIN_MS;
    // The error is ignored. The publish that runs at the same time reports its own error, and a later publish asks again.
    this.settle({ isClaiming: false }).catch(() => {});
  }

  /** @throws BrokerError `refused` if the store refused to return the stream's number of partitions */
  check(stream: string): void {
    const refusal = this.#refusals.get(stream);
    if (refusal !== undefined) throw refusal;
  }

  /**
   * Returns the stored number. Records the refusal if the store refuses and no number was ever read. A guess would put events
   * into streams that no gateway reads.
   */
  async #storedCount(stream: string, wanted: number): Promise<number> {
    try {
      const { keys, run } = this.#dependencies;
      const count = await run(partitionsCall(keys.ofStream(stream), wanted));
      this.#refusals.delete(stream);
      this.#everSettled.add(stream);
      return count;
    } catch (error) {
      if (isRefusal(error) && !this.#everSettled.has(stream)) this.#refusals.set(stream, error);
      throw error;
    }
  }
}

function partitionsDiffer(stream: string, wanted: number, stored: number): BrokerError {
  return new BrokerError(
    'partitions_differ',
    `${stream} has ${stored} partition${stored === 1 ? '' : 's'} in the store, and ${wanted} ${wanted === 1 ? 'was' : 'were'} asked for: give all processes the store's number`,
  );
}
