// The member's part in accounting: it holds a slot, takes the leases of its share of the streams, and ticks and
// trims what it holds. What a tick or a trim does, and that a stale lease does nothing, is the broker's promise.
import { backOffDelayMs, pause } from '@millrace/internal';
import { isRefusal, toBrokerError } from '../errors.js';
import type { Broker, Lease, SlotClaim, SlotWish, TickResult } from '../port/broker.js';
import type { EntrySizes } from './entry-sizes.js';
import type { StreamHealth } from './stream-health.js';
import { shareOfStreams } from './stream-shares.js';
import type { StreamTrack } from './stream-track.js';
import type { LoopReport, ResolvedMemberOptions } from './subscriber-options.js';

/** What the ledger works on. */
export interface LedgerContext {
  readonly broker: Broker;
  readonly options: ResolvedMemberOptions;
  readonly tracks: ReadonlyMap<string, StreamTrack>;
  readonly sizes: EntrySizes;
  readonly report: LoopReport;
  readonly health: StreamHealth;
  /** A member that does not read a stream itself cannot account for it: it lets the lease run out. */
  readonly mayAccount: (stream: string) => boolean;
}

/** A stream of another member's share is taken when nobody renewed its lease, and offered back this often. */
const FOREIGN_RETRY_LEASES = 2;
const FOREIGN_HOLD_LEASES = 4;
/** Most characters one tick should consume: the store handles them in one step, about a millisecond. */
const MAX_TICK_CHARS = 1_048_576;
/** A clean stop acknowledges what was handled: at most this many ticks per stream. */
const FINAL_TICKS = 100;
/** A trim that removed at least this part of its batch has more to do. */
const FULL_TRIM_PART = 0.5;
/** A stream whose account the broker refuses is tried again this often. */
const REFUSED_RETRY_MS = 1_000;

/** What is known about one stream. */
interface Account {
  readonly stream: string;
  lease: Lease | undefined;
  /** Whether it falls to this member, by the slots at the last renewal. */
  isMine: boolean;
  /** Local time before which a foreign stream is neither tried nor given back. */
  foreignUntilMs: number;
  tickAtMs: number;
  /** What the next tick that finds nothing waits. */
  idleDelayMs: number;
  trimAtMs: number;
  /** Local time before which nothing is asked of it, because the broker refused. */
  refusedUntilMs: number;
}

/**
 * One loop: renew (every third of `leaseMs`) → tick and trim the leases that are due → wait. The wait follows the work of each
 * stream: short after a full tick, doubling while there is nothing to do, cut short by `nudge`.
 */
export class Ledger {
  readonly #context: LedgerContext;
  readonly #accounts: readonly Account[];
  #claim: SlotClaim | undefined;
  #renewAtMs = 0;
  /** Local time of the last renewal; `undefined` before the first one. */
  #renewedAtMs: number | undefined;
  /** Local time until which nothing is taken that was another's. */
  #graceUntilMs = 0;
  #wake = new AbortController();
  /** Whether the present wait is only for lack of work; a wait after a failure must not be cut short. */
  #isIdling = false;

  constructor(context: LedgerContext) {
    this.#context = context;
    this.#accounts = Array.from(context.tracks.keys(), (stream) => ({
      stream,
      lease: undefined,
      // Who is new has no business with a stream that is just being handed from one to another.
      isMine: true,
      foreignUntilMs: 0,
      tickAtMs: 0,
      idleDelayMs: context.options.busyTickMs,
      trimAtMs: 0,
      refusedUntilMs: 0,
    }));
  }

  /** The slot held, or `undefined` before the first claim. */
  get slot(): number | undefined {
    return this.#claim?.slot;
  }

  /** Something was read of these streams: they need not wait for their idle time. */
  nudge(streams: ReadonlySet<string>): void {
    const { busyTickMs } = this.#context.options;
    let isNudged = false;
    for (const account of this.#accounts) {
      if (account.idleDelayMs <= busyTickMs || !streams.has(account.stream)) continue;
      account.tickAtMs = 0;
      isNudged = true;
    }
    if (this.#isIdling && isNudged) this.#wake.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { options, report } = this.#context;
    let failures = 0;
    while (!signal.aborted) {
      let delayMs: number;
      try {
        delayMs = await this.#round();
        failures = 0;
        this.#isIdling = delayMs > options.busyTickMs;
        report.onSuccess();
      } catch (error) {
        if (signal.aborted) return;
        delayMs = Math.max(options.busyTickMs, backOffDelayMs(failures++));
        this.#isIdling = false;
        report.onFailure(toBrokerError(error, 'unavailable'));
      }
      await this.#wait(delayMs, signal);
    }
  }

  /** Acknowledges what was handled, then gives back leases and slot. Call after `run` ended. */
  async release(): Promise<void> {
    const { broker, options } = this.#context;
    this.#claim ??= await broker.claimSlot(options.name, this.#slotWish());
    await this.#forEach(this.#accounts, (account) => this.#finish(account));
    await broker.releaseSlot(options.name);
    this.#claim = undefined;
  }

  async #round(): Promise<number> {
    const { clock } = this.#context.options;
    const nowMs = clock.monotonicMs();
    const accounts = this.#accounts.filter(
      ({ stream, refusedUntilMs }) => refusedUntilMs <= nowMs && this.#context.mayAccount(stream),
    );
    if (accounts.length === 0) return this.#context.options.idleTickMs;
    if (nowMs >= this.#renewAtMs) await this.#renew(accounts, nowMs);
    const due = accounts.filter(({ tickAtMs }) => tickAtMs <= nowMs);
    const results = await this.#forEach(due, (account) => this.#tick(account));
    await this.#forEach(accounts, (account) => this.#trim(account, nowMs));
    const doneMs = clock.monotonicMs();
    for (const account of due) account.tickAtMs = doneMs + this.#delayAfter(account, results.get(account));
    for (const { stream, refusedUntilMs } of accounts)
      if (refusedUntilMs <= nowMs) this.#context.health.note(stream, 'ledger', undefined);
    return Math.min(...accounts.map(({ tickAtMs }) => Math.max(1, tickAtMs - doneMs)));
  }

  /** Does the work for each account. A refusal for one is no reason to leave the others undone. */
  async #forEach<T>(
    accounts: readonly Account[],
    work: (account: Account) => Promise<T>,
  ): Promise<ReadonlyMap<Account, T>> {
    const { health, options } = this.#context;
    const results = new Map<Account, T>();
    const settled = await Promise.allSettled(
      accounts.map(async (account) => results.set(account, await work(account))),
    );
    for (const [index, result] of settled.entries()) {
      const account = accounts[index];
      if (result.status === 'fulfilled' || account === undefined) continue;
      if (!isRefusal(result.reason)) throw result.reason;
      account.refusedUntilMs = options.clock.monotonicMs() + REFUSED_RETRY_MS;
      health.refuse(account.stream, 'ledger', result.reason);
    }
    return results;
  }

  async #renew(accounts: readonly Account[], nowMs: number): Promise<void> {
    const { broker, options } = this.#context;
    this.#claim = await broker.claimSlot(options.name, this.#slotWish());
    this.#noteDelay();
    const hasGrace = options.clock.monotonicMs() < this.#graceUntilMs;
    const mine = shareOfStreams(this.#claim, [...this.#context.tracks.keys()]);
    await this.#forEach(accounts, (account) =>
      this.#renewLease(account, hasGrace ? account.isMine : mine.has(account.stream), nowMs),
    );
    this.#renewedAtMs = nowMs;
    this.#renewAtMs = nowMs + broker.options.leaseMs / 3;
  }

  /**
   * A renewal that comes this late was held up, and so perhaps was everybody: after a pause of the store all leases and slots have
   * run out, though nobody is dead. Until the others had time to renew theirs, each keeps to what it had.
   */
  #noteDelay(): void {
    const { broker, options } = this.#context;
    const { leaseMs } = broker.options;
    const nowMs = options.clock.monotonicMs();
    // The next renewal is due after a third of the lease, and begins with a tick.
    const isInTime =
      this.#renewedAtMs === undefined || nowMs - this.#renewedAtMs <= leaseMs / 2 + options.idleTickMs;
    if (isInTime) return;
    this.#graceUntilMs = nowMs + leaseMs;
    for (const account of this.#accounts)
      account.foreignUntilMs = Math.max(account.foreignUntilMs, this.#graceUntilMs);
  }

  /** With the first claim the slot of the process before this one, later always the one it had. */
  #slotWish(): SlotWish {
    const { instance } = this.#context.options;
    return {
      ...(instance === undefined ? {} : { instance }),
      ...(this.#claim === undefined ? {} : { preferred: this.#claim.slot, isRenewal: true }),
    };
  }

  async #renewLease(account: Account, isMine: boolean, nowMs: number): Promise<void> {
    const { broker, options } = this.#context;
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

  async #tick(account: Account): Promise<TickResult | undefined> {
    const { broker, options, tracks, sizes } = this.#context;
    const { lease, stream } = account;
    const cursor = tracks.get(stream)?.cursor;
    if (lease === undefined || this.#claim === undefined || cursor === undefined) return undefined;
    const consumer = `${broker.options.consumerPrefix}${this.#claim.slot}`;
    const count = sizes.countWithin(stream, MAX_TICK_CHARS, options.tickCount);
    const result = await broker.tickLedger(lease, { consumer, count, cursor });
    if (result.status === 'fenced') {
      account.lease = undefined;
      this.#renewAtMs = 0;
    } else if (result.consumed + result.acknowledged + result.declaredDead.length > 0) {
      options.onTick(stream, result);
    }
    return result;
  }

  async #trim(account: Account, nowMs: number): Promise<void> {
    const { broker, options } = this.#context;
    if (account.lease === undefined || nowMs < account.trimAtMs) return;
    const result = await broker.trim(account.lease);
    if (result.status === 'fenced') return;
    const removed = result.removed + result.expired;
    const hasMore = removed >= broker.options.trimBatchSize * FULL_TRIM_PART;
    account.trimAtMs = hasMore ? 0 : nowMs + options.trimIntervalMs;
    if (removed > 0) options.onTrim(account.stream, result);
  }

  #delayAfter(account: Account, result: TickResult | undefined): number {
    const { tickCount, fullTickMs, busyTickMs, idleTickMs } = this.#context.options;
    const most = result?.status === 'ticked' ? Math.max(result.consumed, result.acknowledged) : 0;
    account.idleDelayMs = most > 0 ? busyTickMs : Math.min(idleTickMs, account.idleDelayMs * 2);
    return most >= tickCount ? fullTickMs : account.idleDelayMs;
  }

  async #wait(delayMs: number, signal: AbortSignal): Promise<void> {
    this.#wake = new AbortController();
    await pause(this.#context.options.clock, delayMs, AbortSignal.any([signal, this.#wake.signal]));
  }

  /** Takes the lease for it where nobody has it, for example because the last attempt failed. */
  async #finish(account: Account): Promise<void> {
    const { broker, options } = this.#context;
    for (let ticks = 0; ticks < FINAL_TICKS; ticks++) {
      account.lease ??= await broker.acquireLease(account.stream, options.name);
      if (account.lease === undefined) return;
      const result = await this.#tick(account);
      if (result?.status === 'ticked' && result.consumed + result.acknowledged === 0) break;
    }
    const { lease } = account;
    account.lease = undefined;
    if (lease !== undefined) await broker.releaseLease(lease);
  }
}
