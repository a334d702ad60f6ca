// Flushes coalescing windows: claims a window, merges its inputs, stores the merged events and commits the claim.
import { randomUUID } from 'node:crypto';
import {
  BrokerError,
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

/** Adds a merged event to its stream. Reports the ID of its entry, or the cause if the event was not stored. */
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
  /** The same object as `windows` if the windows are in this process, otherwise `undefined`. */
  readonly local: LocalWindows | undefined;
  readonly originalTexts: OriginalTexts;
  readonly observer: PublisherObserver;
  readonly store: StoreMerged;
  /** Returns the stream to which an event is added. */
  streamOf(event: StreamEvent): string;
  /** Called when a flush of the window has ended, with or without success. */
  onFlushed(name: WindowName): void;
  /**
   * Called when a window is not due yet, although the timer of this process has fired. It will be due in `inMs` milliseconds
   * by the store's clock.
   */
  onNotDue(name: WindowName, inMs: number): void;
}

/** Lease of a claim. Another process takes over a flush that takes longer, unless the claim is renewed. */
const LEASE_MS = 250;
const RENEW_MS = 100;
/** Time after which a merged event that could not be stored is dropped and counted. */
const GIVE_UP_MS = 60_000;
/**
 * Maximum number of flushes at the same time. Thousands of windows may end together, and the events of each claim must be
 * stored well before its lease ends.
 */
const MAX_FLUSHES = 64;
/**
 * Maximum number of events of a window that wait in the publish queue at the same time. All flushes together then fill the queue only in
 * part. Events that the full queue refuses would make the whole window wait for another flush.
 */
const MAX_QUEUED_EVENTS = 100;
/** Maximum time that a forced flush waits for a window that another process is flushing, or whose events could not be stored. */
const FLUSH_LIMIT_MS = 5_000;

const REPORT_AGAIN_MS = 60_000;

/** A merged event that was not stored. */
interface Failure {
  readonly event: StreamEvent;
  readonly cause: unknown;
}

/** Runs one flush of each window at a time. */
export class WindowFlusher {
  readonly #dependencies: WindowFlusherDependencies;
  readonly #limiter: ConcurrencyLimiter;
  /** Flushes that have not ended, by window. */
  readonly #flushes = new Map<string, Promise<void>>();
  /** Time before which the refusal of a slot is not reported again. Bounded by the slots of the catalog. */
  readonly #silentUntilMs = new Map<string, number>();

  constructor(dependencies: WindowFlusherDependencies) {
    this.#dependencies = dependencies;
    const { local } = dependencies;
    this.#limiter = new ConcurrencyLimiter(local === undefined ? MAX_FLUSHES : Number.POSITIVE_INFINITY);
  }

  /**
   * Flushes a window if it is due. A forced flush does not wait until then. Never rejects. A window that could not be flushed
   * stays in the store, where `OverdueWatch` finds it.
   */
  flush(name: WindowName, isForced: boolean): Promise<void> {
    const key = windowKey(name);
    const before = this.#flushes.get(key);
    if (before === undefined) {
      const flush = this.#flush(name, key, isForced);
      this.#flushes.set(key, flush);
      return flush;
    }
    // A forced flush must include the inputs that were added after the running flush began. Every flush of a local window
    // must, too, because no watch flushes local windows later.
    const mustFollow = isForced || this.#dependencies.local !== undefined;
    return mustFollow ? before.then(() => this.flush(name, isForced)) : before;
  }

  /** Resolves when all running flushes have ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#flushes.values());
  }

  /** Reports that the store refuses a slot, which does not end by itself. A store that is unavailable is reported by the broker. */
  noteFailure(slot: string, cause: unknown): void {
    if (!(cause instanceof BrokerError) || cause.code !== 'refused') return;
    const nowMs = this.#dependencies.clock.monotonicMs();
    if (nowMs < (this.#silentUntilMs.get(slot) ?? 0)) return;
    this.#silentUntilMs.set(slot, nowMs + REPORT_AGAIN_MS);
    this.#dependencies.observer.flushRefused?.(slot, cause);
  }

  async #flush(name: WindowName, key: string, isForced: boolean): Promise<void> {
    try {
      await this.#limiter.acquire();
      await this.#flushOnce(name, isForced);
    } catch (cause) {
      // The watch finds the window later.
      this.noteFailure(name.slot, cause);
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
        // The age is 0 unless this process took over the flush of another one. After a takeover, the next window of the slot
        // may be due already. A forced flush tries again when its own claim has ended.
        if (isPublished ? claim.ageMs === 0 : !isForced) return;
        continue;
      }
      if (!isForced) {
        // The watch flushes the window later if the process that is flushing it fails.
        if (claim.status === 'waiting') onNotDue(name, claim.inMs);
        return;
      }
      if (clock.monotonicMs() + claim.inMs > endMs) return;
      await pause(clock, claim.inMs);
    }
  }

  /**
   * Publishes the events of a claimed window, and commits the claim: Flushing → Published. Returns false if the events stay
   * in the store for a later flush.
   */
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
    // Another attempt is useless for a local window: the publish queue has already retried until its time limit, and no other
    // process has the window.
    const isHopeless = local !== undefined || waited.ageMs > GIVE_UP_MS;
    if (!isHopeless && failures.some(isRepeatable)) return false;
    // The outcome is counted only if the commit succeeds. Otherwise another process has taken over the flush, and may have
    // counted it.
    if (await windows.commit(name, token)) this.#count({ absorbed, ended, unreadable, failures });
    return true;
  }

  /** Stores events in their order. Resolves when each event is stored or refused, with the refused ones. */
  async #storeAll(events: readonly FoldedEvent[]): Promise<Failure[]> {
    // A local window has only one flush, and its events are retried by the queue.
    if (this.#dependencies.local !== undefined) return this.#store(events);
    const failures: Failure[] = [];
    for (let from = 0; from < events.length; from += MAX_QUEUED_EVENTS) {
      const next = from + MAX_QUEUED_EVENTS;
      const failed = await this.#store(events.slice(from, next));
      failures.push(...failed);
      const failure = failed.find(isRepeatable);
      if (failure === undefined) continue;
      // All events are stored again later. The later ones need not be tried now.
      return [...failures, ...events.slice(next).map(({ event }) => ({ event, cause: failure.cause }))];
    }
    return failures;
  }

  #store(events: readonly FoldedEvent[]): Promise<Failure[]> {
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
      observer.dropped?.({ reason: reasonOf(cause), count, cause });
    }
  }

  /**
   * Renews the claim while the events are being stored. Otherwise other processes would take over the flush from a slow
   * store, and publish the same events again.
   */
  #renew(name: WindowName, token: string): CancelTimer {
    const { clock, windows } = this.#dependencies;
    let cancel: CancelTimer = () => {};
    const next = (): void => {
      cancel = clock.startTimer(() => {
        next();
        // A claim that cannot be renewed expires, and another process takes over the flush.
        windows.renew(name, token, LEASE_MS).catch(() => {});
      }, RENEW_MS);
    };
    next();
    return () => cancel();
  }
}

/** True if the event may be stored by a later attempt. */
function isRepeatable({ cause }: Failure): boolean {
  return !(cause instanceof ContractError);
}

function reasonOf(cause: unknown): 'too_large' | 'invalid' | 'unavailable' {
  if (!(cause instanceof ContractError)) return 'unavailable';
  return cause.code === 'event_too_large' ? 'too_large' : 'invalid';
}
