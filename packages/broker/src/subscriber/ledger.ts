// The part of a subscriber that runs acknowledgement passes and trims. It holds a slot, takes the leases of its share of the
// streams, and works on the streams whose leases it holds. The broker guarantees the effect of a pass and a trim, and that a
// stale lease has none.
import { backOffDelayMs, pause } from '@millrace/internal';
import { isTroubleOfStream, toBrokerError } from '../errors.js';
import type { Lease, LedgerPassResult, SlotClaim, SlotRequest } from '../port/acknowledgement-ledger.js';
import type { Broker } from '../port/broker.js';
import type { EntrySizes } from './entry-sizes.js';
import type { StreamHealth } from './stream-health.js';
import { shareOfStreams } from './stream-shares.js';
import type { StreamTrack } from './stream-track.js';
import type { LoopReport, ResolvedSubscriberOptions } from './subscriber-options.js';

/** Dependencies of {@link Ledger}. */
export interface LedgerDependencies {
  readonly broker: Broker;
  readonly options: ResolvedSubscriberOptions;
  readonly tracks: ReadonlyMap<string, StreamTrack>;
  readonly sizes: EntrySizes;
  readonly report: LoopReport;
  readonly health: StreamHealth;
  /** False for a stream that the subscriber does not read. The ledger then runs no passes on it, and lets its lease expire. */
  readonly mayAccount: (stream: string) => boolean;
}

/**
 * Intervals for streams of other subscribers' shares, in multiples of `leaseMs`. The subscriber tries to adopt such a stream
 * after the first interval, which works only if its lease has expired. It releases the stream after the second interval, so
 * that the owner of the share can take it.
 */
const FOREIGN_RETRY_LEASES = 2;
const FOREIGN_HOLD_LEASES = 4;
/**
 * Maximum number of characters that one pass should consume. A pass is one step of the store, which takes about a millisecond
 * at this size.
 */
const MAX_PASS_CHARS = 1_048_576;
/** Maximum number of passes per stream that a clean stop runs to acknowledge the handled entries. */
const FINAL_PASSES = 100;
/**
 * A trim that removed at least this part of `trimBatchSize` is repeated at once, because there are probably more entries to
 * remove.
 */
const FULL_TRIM_PART = 0.5;
/** Time after which the ledger tries a refused stream again, in milliseconds. */
const REFUSED_RETRY_MS = 1_000;

/** State of the ledger for one stream. */
interface Account {
  readonly stream: string;
  lease: Lease | undefined;
  /** True when the stream belonged to this subscriber's share at the last renewal. */
  isMine: boolean;
  /** Local time before which a stream of another subscriber's share is neither adopted nor released. */
  foreignUntilMs: number;
  passAtMs: number;
  /** Present delay between passes. It doubles after each pass that finds nothing to do. */
  idleDelayMs: number;
  trimAtMs: number;
  /** Local time before which erased entries are not removed again. */
  eraseAtMs: number;
  /** Local time before which the stream is skipped, because the broker refused it. */
  refusedUntilMs: number;
}

/**
 * Runs one loop with three steps: renew the slot and the leases (at intervals of `leaseMs / 3`), run the due passes and
 * trims, and wait. The wait is short after a full pass, and doubles while there is nothing to do. `nudge` ends it early.
 */
export class Ledger {
  readonly #dependencies: LedgerDependencies;
  readonly #accounts: readonly Account[];
  #claim: SlotClaim | undefined;
  #renewAtMs = 0;
  /** Local time of the last renewal; `undefined` before the first one. */
  #renewedAtMs: number | undefined;
  /** Local time until which no stream of another subscriber is adopted. */
  #graceUntilMs = 0;
  #wake = new AbortController();
  /** True if the loop waits only because there is nothing to do. A wait after a failure must not end early. */
  #isIdling = false;

  constructor(dependencies: LedgerDependencies) {
    this.#dependencies = dependencies;
    this.#accounts = Array.from(dependencies.tracks.keys(), (stream) => ({
      stream,
      lease: undefined,
      // With `true`, a new subscriber does not at once adopt a stream of another share. The stream may just be moving to
      // another subscriber.
      isMine: true,
      foreignUntilMs: 0,
      passAtMs: 0,
      idleDelayMs: dependencies.options.busyPassDelayMs,
      trimAtMs: 0,
      eraseAtMs: 0,
      refusedUntilMs: 0,
    }));
  }

  /** The slot that is held, or `undefined` before the first claim. */
  get slot(): number | undefined {
    return this.#claim?.slot;
  }

  /** Called after entries of these streams were read. The next pass of a stream with a longer delay is then due at once. */
  nudge(streams: ReadonlySet<string>): void {
    const { busyPassDelayMs } = this.#dependencies.options;
    let isNudged = false;
    for (const account of this.#accounts) {
      if (account.idleDelayMs <= busyPassDelayMs || !streams.has(account.stream)) continue;
      account.passAtMs = 0;
      isNudged = true;
    }
    if (this.#isIdling && isNudged) this.#wake.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { options, report } = this.#dependencies;
    let failures = 0;
    while (!signal.aborted) {
      let delayMs: number;
      try {
        delayMs = await this.#round();
        failures = 0;
        this.#isIdling = delayMs > options.busyPassDelayMs;
        report.onSuccess();
      } catch (error) {
        if (signal.aborted) return;
        delayMs = Math.max(options.busyPassDelayMs, backOffDelayMs(failures++));
        this.#isIdling = false;
        report.onFailure(toBrokerError(error, 'unavailable'));
      }
      await this.#wait(delayMs, signal);
    }
  }

  /** Acknowledges the handled entries, then releases the leases and the slot. Call this after `run` has ended. */
  async release(): Promise<void> {
    const { broker, options } = this.#dependencies;
    this.#claim ??= await broker.claimSlot(options.name, this.#slotRequest());
    await this.#forEach(this.#accounts, (account) => this.#finish(account));
    await broker.releaseSlot(options.name);
    this.#claim = undefined;
  }

  async #round(): Promise<number> {
    const { clock } = this.#dependencies.options;
    const nowMs = clock.monotonicMs();
    const accounts = this.#accounts.filter(
      ({ stream, refusedUntilMs }) => refusedUntilMs <= nowMs && this.#dependencies.mayAccount(stream),
    );
    if (accounts.length === 0) return this.#dependencies.options.idlePassDelayMs;
    if (nowMs >= this.#renewAtMs) await this.#renew(accounts, nowMs);
    const due = accounts.filter(({ passAtMs }) => passAtMs <= nowMs);
    const results = await this.#forEach(due, (account) => this.#runPass(account));
    await this.#forEach(accounts, (account) => this.#trim(account, nowMs));
    await this.#forEach(accounts, (account) => this.#removeErased(account, nowMs));
    const doneMs = clock.monotonicMs();
    for (const account of due) account.passAtMs = doneMs + this.#delayAfter(account, results.get(account));
    for (const { stream, refusedUntilMs } of accounts)
      if (refusedUntilMs <= nowMs) this.#dependencies.health.note(stream, 'ledger', undefined);
    return Math.min(...accounts.map(({ passAtMs }) => Math.max(1, passAtMs - doneMs)));
  }

  /** Runs `work` for each account. A refusal of one stream does not stop the others. */
  async #forEach<T>(
    accounts: readonly Account[],
    work: (account: Account) => Promise<T>,
  ): Promise<ReadonlyMap<Account, T>> {
    const { health, options } = this.#dependencies;
    const results = new Map<Account, T>();
    const settled = await Promise.allSettled(
      accounts.map(async (account) => results.set(account, await work(account))),
    );
    for (const [index, result] of settled.entries()) {
      const account = accounts[index];
      if (result.status === 'fulfilled' || account === undefined) continue;
      if (!isTroubleOfStream(result.reason)) throw result.reason;
      account.refusedUntilMs = options.clock.monotonicMs() + REFUSED_RETRY_MS;
      health.refuse(account.stream, 'ledger', result.reason);
    }
    return results;
  }

  async #renew(accounts: readonly Account[], nowMs: number): Promise<void> {
    const { broker, options } = this.#dependencies;
    this.#claim = await broker.claimSlot(options.name, this.#slotRequest());
    this.#noteDelay();
    const hasGrace = options.clock.monotonicMs() < this.#graceUntilMs;
    const mine = shareOfStreams(this.#claim, [...this.#dependencies.tracks.keys()]);
    await this.#forEach(accounts, (account) =>
      this.#renewLease(account, hasGrace ? account.isMine : mine.has(account.stream), nowMs),
    );
    this.#renewedAtMs = nowMs;
    this.#renewAtMs = nowMs + broker.options.leaseMs / 3;
  }

  /**
   * Starts a grace period if this renewal is late. After a pause of the store, all leases and slots have expired although no
   * subscriber is dead. Each subscriber keeps its streams and adopts no others in the grace period, so that all have time to
   * renew their leases.
   */
  #noteDelay(): void {
    const { broker, options } = this.#dependencies;
    const { leaseMs } = broker.options;
    const nowMs = options.clock.monotonicMs();
    // A renewal is due after a third of `leaseMs`, but waits for the next round of the loop.
    const isInTime =
      this.#renewedAtMs === undefined || nowMs - this.#renewedAtMs <= leaseMs / 2 + options.idlePassDelayMs;
    if (isInTime) return;
    this.#graceUntilMs = nowMs + leaseMs;
    for (const account of this.#accounts)
      account.foreignUntilMs = Math.max(account.foreignUntilMs, this.#graceUntilMs);
  }

  /**
   * Returns the request for a slot. The first request names the slot of this `instance`, if there is one. Later requests name
   * the slot that the subscriber had.
   */
  #slotRequest(): SlotRequest {
    const { instance } = this.#dependencies.options;
    return {
      ...(instance === undefined ? {} : { instance }),
      ...(this.#claim === undefined ? {} : { preferred: this.#claim.slot, isRenewal: true }),
    };
  }

  async #renewLease(account: Account, isMine: boolean, nowMs: number): Promise<void> {
    const { broker, options } = this.#dependencies;
    const { leaseMs } = broker.options;
    const wasMine = account.isMine;
    account.isMine = isMine;
    if (!isMine) {
      const { lease } = account;
      if (lease !== undefined && (wasMine || nowMs >= account.foreignUntilMs)) {
        account.lease = undefined;
        account.foreignUntilMs = nowMs + FOREIGN_RETRY_LEASES * leaseMs;
        return broker.releaseLease(lease);
      }
      if (lease === undefined && wasMine) account.foreignUntilMs = nowMs + FOREIGN_RETRY_LEASES * leaseMs;
      if (lease === undefined && nowMs < account.foreignUntilMs) return;
    }
    const isNew = account.lease === undefined;
    account.lease = await broker.acquireLease(account.stream, options.name);
    if (!isMine && isNew) {
      const leases = account.lease === undefined ? FOREIGN_RETRY_LEASES : FOREIGN_HOLD_LEASES;
      account.foreignUntilMs = nowMs + leases * leaseMs;
    }
  }

  async #runPass(account: Account): Promise<LedgerPassResult | undefined> {
    const { broker, options, tracks, sizes } = this.#dependencies;
    const { lease, stream } = account;
    const cursor = tracks.get(stream)?.cursor;
    if (lease === undefined || this.#claim === undefined || cursor === undefined) return undefined;
    const consumer = `${broker.options.consumerPrefix}${this.#claim.slot}`;
    const count = sizes.countWithin(stream, MAX_PASS_CHARS, options.passEntryCount);
    const result = await broker.runLedgerPass(lease, { consumer, count, cursor });
    if (result.status === 'fenced') {
      account.lease = undefined;
      this.#renewAtMs = 0;
    } else if (result.consumed + result.acknowledged + result.declaredDead.length > 0) {
      options.onLedgerPass(stream, result);
    }
    return result;
  }

  async #trim(account: Account, nowMs: number): Promise<void> {
    const { broker, options } = this.#dependencies;
    if (account.lease === undefined || nowMs < account.trimAtMs) return;
    const result = await broker.trim(account.lease);
    if (result.status === 'fenced') return;
    const removed = result.removed + result.expired;
    const hasMore = removed >= broker.options.trimBatchSize * FULL_TRIM_PART;
    account.trimAtMs = hasMore ? 0 : nowMs + options.trimIntervalMs;
    if (removed > 0) options.onTrim(account.stream, result);
  }

  /**
   * Removes erased entries, at most once per `trimIntervalMs`. Needs no lease, because the holder of the lease may be of a build
   * that does not remove them. Streams without erasures cost nothing.
   */
  async #removeErased(account: Account, nowMs: number): Promise<void> {
    const { broker, options, tracks } = this.#dependencies;
    const { stream } = account;
    const track = tracks.get(stream);
    if (track?.mayHaveErased !== true || nowMs < account.eraseAtMs) return;
    account.eraseAtMs = nowMs + options.trimIntervalMs;
    // An erasure that is noted during the call sets this to true again.
    track.mayHaveErased = false;
    try {
      const { removed, waiting } = await broker.erasures.remove(stream);
      if (removed + waiting > 0) track.mayHaveErased = true;
    } catch (error) {
      track.mayHaveErased = true;
      throw error;
    }
  }

  #delayAfter(account: Account, result: LedgerPassResult | undefined): number {
    const { passEntryCount, fullPassDelayMs, busyPassDelayMs, idlePassDelayMs } = this.#dependencies.options;
    const most = result?.status === 'done' ? Math.max(result.consumed, result.acknowledged) : 0;
    account.idleDelayMs = most > 0 ? busyPassDelayMs : Math.min(idlePassDelayMs, account.idleDelayMs * 2);
    return most >= passEntryCount ? fullPassDelayMs : account.idleDelayMs;
  }

  async #wait(delayMs: number, signal: AbortSignal): Promise<void> {
    this.#wake = new AbortController();
    await pause(this.#dependencies.options.clock, delayMs, AbortSignal.any([signal, this.#wake.signal]));
  }

  /**
   * Runs passes until nothing is left to acknowledge, then releases the lease. Acquires the lease first if the subscriber
   * does not hold it, for example because the last attempt failed.
   */
  async #finish(account: Account): Promise<void> {
    const { broker, options } = this.#dependencies;
    for (let passes = 0; passes < FINAL_PASSES; passes++) {
      account.lease ??= await broker.acquireLease(account.stream, options.name);
      if (account.lease === undefined) return;
      const result = await this.#runPass(account);
      if (result?.status === 'done' && result.consumed + result.acknowledged === 0) break;
    }
    const { lease } = account;
    account.lease = undefined;
    if (lease !== undefined) await broker.releaseLease(lease);
  }
}
