// The lease under which this gateway writes presence. Also what this gateway knows of the other gateways' leases.
import type { PresenceLease, PresenceLeases, PresenceStore } from '@millrace/broker';

/** Dependencies of {@link LeaseKeeper}. */
export interface LeaseKeeperDependencies {
  readonly store: Pick<PresenceStore, 'renew'>;
  readonly leaseMs: number;
  monotonicMs(): number;
  wallMs(): number;
}

/** Difference of two offsets beyond which the clock of the store was set, in milliseconds. */
const CLOCK_STEP_MS = 5_000;

/** Keeps a lease. States: none → held → none (ended) → held (another lease). */
export class LeaseKeeper {
  readonly #dependencies: LeaseKeeperDependencies;
  #lease: PresenceLease | undefined;
  #live: ReadonlySet<string> = new Set();
  #ended: readonly string[] = [];
  /** The largest number of a holder that existed at the last renewal. */
  #newestNumber = 0;
  /** Time of the store minus monotonic time. */
  #offsetMs: number | undefined;

  constructor(dependencies: LeaseKeeperDependencies) {
    this.#dependencies = dependencies;
  }

  get lease(): PresenceLease | undefined {
    return this.#lease;
  }

  /** Leases that have ended and must be swept. */
  get ended(): readonly string[] {
    return this.#ended;
  }

  /** Returns the time of the store in whole milliseconds. Returns the time of this machine before the first renewal. */
  storeMs(): number {
    const { monotonicMs, wallMs } = this.#dependencies;
    return Math.floor(this.#offsetMs === undefined ? wallMs() : monotonicMs() + this.#offsetMs);
  }

  /**
   * True if the lease has certainly ended. A lease that began after the last renewal is still unknown. Its number is larger
   * than that of every known lease.
   */
  hasEnded(holder: string): boolean {
    return numberOf(holder) <= this.#newestNumber && !this.#live.has(holder);
  }

  /** Begins a lease. @throws BrokerError */
  async begin(): Promise<void> {
    this.#note(await this.#dependencies.store.renew({ leaseMs: this.#dependencies.leaseMs }));
  }

  /**
   * Renews the lease.
   * @returns false when the lease has ended or was lost
   * @throws BrokerError
   */
  async renew(): Promise<boolean> {
    const held = this.#lease;
    if (held === undefined) return false;
    const { store, leaseMs } = this.#dependencies;
    const leases = await store.renew({ holder: held.holder, leaseMs });
    this.#note(leases);
    return leases.lease !== undefined;
  }

  /**
   * True if the store still has the lease, or before the first lease. If the store has lost it, the next renewal notes that.
   * @throws BrokerError
   */
  async isKept(): Promise<boolean> {
    const held = this.#lease;
    if (held === undefined) return this.#newestNumber === 0;
    const { store, leaseMs } = this.#dependencies;
    return (await store.renew({ holder: held.holder, leaseMs })).lease !== undefined;
  }

  /** Called when a write reported that the lease has ended. */
  drop(): void {
    this.#lease = undefined;
  }

  /**
   * Takes the largest offset, which is that of the fastest reply: a slow reply makes the time of the store look earlier. A much
   * smaller offset means that the clock of the store was set.
   */
  #noteTime(offsetMs: number): void {
    const known = this.#offsetMs;
    if (known === undefined || offsetMs > known || known - offsetMs > CLOCK_STEP_MS)
      this.#offsetMs = offsetMs;
  }

  #note({ lease, timeMs, live, ended }: PresenceLeases): void {
    this.#lease = lease;
    this.#noteTime(timeMs - this.#dependencies.monotonicMs());
    this.#live = new Set(live);
    this.#ended = ended;
    for (const holder of [...live, ...ended])
      this.#newestNumber = Math.max(this.#newestNumber, numberOf(holder));
  }
}

function numberOf(holder: string): number {
  return Number.parseInt(holder, 10) || 0;
}
