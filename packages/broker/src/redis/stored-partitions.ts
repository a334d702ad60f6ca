// The number of partitions of each declared stream: the store's number, once there is one. The first gateway stores it.
import type { Clock } from '@millrace/internal';
import { BrokerError, isRefusal } from '../errors.js';
import type { StreamOptions } from '../options.js';
import { Partitioning, partitioningOf } from '../partitions/partitioning.js';
import { acceptedOf } from './calls/accepted.js';
import { partitionsCall, type ScriptCall } from './calls/script-calls.js';
import { streamKeys } from './keys.js';

/** How often a publisher asks whether the number of partitions has been chosen. */
const LOOK_AGAIN_MS = 1_000;

/** Dependencies of {@link StoredPartitions}. */
export interface StoredPartitionsDependencies {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  run<T>(call: ScriptCall<T>): Promise<T>;
  /** Called after each change of `partitioning`. */
  onChange(): void;
}

/**
 * open → settled, as soon as the store has a number for every stream. Until then the options' numbers are in force, one where they
 * name none; the store's numbers replace them.
 */
export class StoredPartitions {
  readonly #streams: readonly StreamOptions[];
  readonly #dependencies: StoredPartitionsDependencies;
  #partitioning: Partitioning;
  #isSettled = false;
  #lookAgainAtMs = 0;
  /** Declared streams whose number the store has given once. */
  readonly #everSettled = new Set<string>();
  /** Declared streams whose number the store refused to give, and the refusal. */
  readonly #refusals = new Map<string, BrokerError>();
  /** Set once a subscriber reads: from then on another number in the store is an error. */
  #isFixed = false;

  constructor(streams: readonly StreamOptions[], dependencies: StoredPartitionsDependencies) {
    this.#streams = streams;
    this.#dependencies = dependencies;
    this.#partitioning = partitioningOf(streams);
  }

  /** The partitioning in force. */
  get partitioning(): Partitioning {
    return this.#partitioning;
  }

  /** A subscriber reads these streams from now on. */
  fix(): void {
    this.#isFixed = true;
  }

  /**
   * Adopts the store's numbers. Where it has none, the options' number is stored; with `isClaiming` the one in force.
   * @throws BrokerError `partitions_differ`, or `refused` when the store refuses all streams
   */
  async settle({ isClaiming }: { readonly isClaiming: boolean }): Promise<void> {
    const stored = await acceptedOf(
      this.#streams.map(async ({ name, partitions = 0 }) => {
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

  /** A publisher may start before the first gateway. Until that has chosen a number, the store is asked for it beside the publishes. */
  lookIfDue(): void {
    if (this.#isSettled) return;
    const nowMs = this.#dependencies.clock.monotonicMs();
    if (nowMs < this.#lookAgainAtMs) return;
    this.#lookAgainAtMs = nowMs + LOOK_AGAIN_MS;
    // A failure is that of the publish beside it; the next look comes with a later one.
    this.settle({ isClaiming: false }).catch(() => {});
  }

  /** @throws BrokerError `refused` where the store refused to say how many partitions the stream has */
  check(stream: string): void {
    const refusal = this.#refusals.get(stream);
    if (refusal !== undefined) throw refusal;
  }

  /** A number that was never read must not be guessed: events would stand in streams that no gateway reads. */
  async #storedCount(stream: string, wanted: number): Promise<number> {
    try {
      const count = await this.#dependencies.run(partitionsCall(streamKeys(stream), wanted));
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
