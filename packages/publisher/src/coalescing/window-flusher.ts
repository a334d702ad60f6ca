// Flushes coalescing windows: claims one, merges its inputs, stores the events and commits.
import { randomUUID } from 'node:crypto';
import {
  type EntryId,
  type WaitedEnding,
  type WaitedInput,
  type WindowName,
  type WindowStore,
} from '@millrace/broker';
import { type AnyCatalog, type Coalescing, ContractError, type StreamEvent } from '@millrace/contract';
import { type CancelTimer, type Clock, pause } from '@millrace/internal';
import type { PublisherObserver } from '../options.js';
import { ConcurrencyLimiter } from './concurrency-limiter.js';
import { type FoldedEvent, foldWindow } from './fold-window.js';
import type { LocalWindows } from './local-windows.js';
import type { OriginalTexts } from './original-texts.js';
import { windowKey } from './window-key.js';

/** Puts a merged event into its stream, and reports its entry's ID, or the cause why there is none. */
export type StoreMerged = (
  merged: FoldedEvent,
  onSettled: (id: EntryId | undefined, cause?: unknown) => void,
) => void;

/** Dependencies of {@link WindowFlusher}. */
export interface WindowFlusherDependencies {
  readonly catalog: AnyCatalog;
  readonly coalescing: Coalescing;
  readonly clock: Clock;
  readonly windows: WindowStore;
  /** The same windows, when they are in this process. */
  readonly local: LocalWindows | undefined;
  readonly originalTexts: OriginalTexts;
  readonly observer: PublisherObserver;
  readonly store: StoreMerged;
  /** The stream to which an event is added. */
  streamOf(event: StreamEvent): string;
  /** A flush of this window has ended, with or without success. */
  onFlushed(name: WindowName): void;
  /** The window is due only in `inMs`: the store's clock may be behind our timer. */
  onNotDue(name: WindowName, inMs: number): void;
}

/** A flush that takes longer is taken over by another process, unless it renews its claim. */
const LEASE_MS = 250;
const RENEW_MS = 100;
/** A merged event that could not be stored for this long is dropped, and counted. */
const GIVE_UP_MS = 60_000;
/** Flushes at a time: the events of a claim must be stored well within its lease, also when thousands of windows end at once. */
const MAX_FLUSHES = 64;
/** A forced flush waits no longer for a window that another process is flushing. */
const FLUSH_LIMIT_MS = 5_000;

/** A merged event that was not stored. */
interface Failure {
  readonly event: StreamEvent;
  readonly cause: unknown;
}

/** One flush of a window at a time. */
export class WindowFlusher {
  readonly #dependencies: WindowFlusherDependencies;
  readonly #limiter: ConcurrencyLimiter;
  /** Flushes that have not ended, by window. */
  readonly #flushes = new Map<string, Promise<void>>();

  constructor(dependencies: WindowFlusherDependencies) {
    this.#dependencies = dependencies;
    const { local } = dependencies;
    this.#limiter = new ConcurrencyLimiter(local === undefined ? MAX_FLUSHES : Number.POSITIVE_INFINITY);
  }

  /**
   * Flushes a window that is due; a forced flush does not wait until it is. Never rejects: a window that could not be flushed stays
   * in the store, where `OverdueWatch` finds it.
   */
  flush(name: WindowName, isForced: boolean): Promise<void> {
    const key = windowKey(name);
    const before = this.#flushes.get(key);
    if (before === undefined) {
      const flush = this.#flush(name, key, isForced);
      this.#flushes.set(key, flush);
      return flush;
    }
    // A forced flush must see the inputs that were added since the one before it began. Windows of this process have no watch that
    // comes back to them.
    const mustFollow = isForced || this.#dependencies.local !== undefined;
    return mustFollow ? before.then(() => this.flush(name, isForced)) : before;
  }

  /** Resolves when all flushes that have begun have ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#flushes.values());
  }

  async #flush(name: WindowName, key: string, isForced: boolean): Promise<void> {
    try {
      await this.#limiter.acquire();
      await this.#flushOnce(name, isForced);
    } catch {
      // The store is away: the watch finds the window again.
    }
    this.#limiter.release();
    this.#flushes.delete(key);
    this.#dependencies.onFlushed(name);
  }

  async #flushOnce(name: WindowName, isForced: boolean): Promise<void> {
    const { clock, local, windows, onNotDue } = this.#dependencies;
    const endMs = clock.monotonicMs() + FLUSH_LIMIT_MS;
    const leaseMs = local === undefined ? LEASE_MS : Number.POSITIVE_INFINITY;
    for (;;) {
      const token = randomUUID();
      const claim = await windows.claim(name, { token, leaseMs, isForced });
      if (claim.status === 'idle') return;
      if (claim.status === 'claimed') {
        const isPublished = await this.#publish(name, token, claim);
        // Behind a flush that was taken over the next window may be due; behind our own it has just begun.
        if (!isPublished || claim.ageMs === 0) return;
        continue;
      }
      if (!isForced) {
        // A flush of another process is left to the watch.
        if (claim.status === 'waiting') onNotDue(name, claim.inMs);
        return;
      }
      if (clock.monotonicMs() + claim.inMs > endMs) return;
      await pause(clock, claim.inMs);
    }
  }

  /** Flushing → Published. False: the events stay in the store and are tried again. */
  async #publish(
    name: WindowName,
    token: string,
    waited: {
      readonly inputs: readonly WaitedInput[];
      readonly endings: readonly WaitedEnding[];
      readonly ageMs: number;
    },
  ): Promise<boolean> {
    const { local, windows } = this.#dependencies;
    const { events, absorbed, ended, unreadable } = foldWindow(this.#dependencies, name, waited);
    const stopRenewal = local === undefined ? this.#renew(name, token) : undefined;
    const failures = await this.#storeAll(events);
    stopRenewal?.();
    // The publish queue has tried for as long as it does, and a local window has no other process to try again.
    const isHopeless = local !== undefined || waited.ageMs > GIVE_UP_MS;
    if (!isHopeless && failures.some(({ cause }) => !(cause instanceof ContractError))) return false;
    // Only the process whose commit succeeds counts: another one may have taken the flush over and finished it.
    if (await windows.commit(name, token)) this.#count({ absorbed, ended, unreadable, failures });
    return true;
  }

  /** Resolves when each event is stored or refused, to those that were refused. */
  #storeAll(events: readonly FoldedEvent[]): Promise<Failure[]> {
    const { local, store, streamOf } = this.#dependencies;
    return new Promise((resolve) => {
      const failures: Failure[] = [];
      let left = events.length;
      for (const { event, asOf } of events) {
        store({ event, asOf }, (id, cause) => {
          if (id === undefined) failures.push({ event, cause });
          else local?.stored(streamOf(event), id);
          left -= 1;
          if (left === 0) resolve(failures);
        });
      }
      if (left === 0) resolve(failures);
    });
  }

  #count(outcome: {
    readonly absorbed: readonly StreamEvent[];
    readonly ended: number;
    readonly unreadable: number;
    readonly failures: readonly Failure[];
  }): void {
    const { observer } = this.#dependencies;
    const { absorbed, ended, unreadable, failures } = outcome;
    for (const event of absorbed) observer.coalesced?.(event);
    if (ended > 0) observer.dropped?.({ reason: 'ended', count: ended });
    if (unreadable > 0) observer.dropped?.({ reason: 'invalid', count: unreadable });
    for (const { event, cause } of failures) {
      const count = event.metadata?.coalesced_count ?? 1;
      const reason = cause instanceof ContractError ? 'too_large' : 'unavailable';
      observer.dropped?.({ reason, count, cause });
    }
  }

  /** Keeps the claim while the events are being stored: a slow store is no reason for others to publish the same again. */
  #renew(name: WindowName, token: string): CancelTimer {
    const { clock, windows } = this.#dependencies;
    let cancel: CancelTimer = () => {};
    const next = (): void => {
      cancel = clock.startTimer(() => {
        next();
        // A claim that could not be renewed runs out; another process takes the flush over.
        windows.renew(name, token, LEASE_MS).catch(() => {});
      }, RENEW_MS);
    };
    next();
    return () => cancel();
  }
}
