// Cuts a person's connection, restores it, and reports the missed, lost and repeated messages. Every figure is counted from the
// events that this page has handled and from the messages in the database.
import type { Client, DeliveredEvent } from '@millrace/client';
import { createStore, type StoreApi } from 'zustand';
import type { NetworkLink } from './network-link.js';
import { countLost, countShownTwice, HandledEvents, type ShownConversation } from './trial-counts.js';

/** The cost of an interruption, counted after the connection was restored. */
export interface TrialReport {
  readonly awayMs: number;
  /**
   * `replay`: the gateway sent the missed messages. `load`: the gateway could not send them, so the page loaded them from the
   * database.
   */
  readonly source: 'replay' | 'load';
  /** Number of messages that were replayed or loaded, according to `source`. */
  readonly messages: number;
  /** Time from the new connection to the last missed message. */
  readonly tookMs: number;
  /** Number of messages of the shown ticket that were stored since the interruption. */
  readonly expected: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Number of repeated events that the client dropped by their event_id. */
  readonly droppedRepeats: number;
}

/** States of a trial: idle → cut → restoring → idle with a report. */
export type TrialState =
  | { readonly kind: 'idle'; readonly report: TrialReport | null }
  | { readonly kind: 'cut'; readonly sinceMs: number }
  | { readonly kind: 'restoring' };

/** Dependencies of a {@link ConnectionTrial}. */
interface ConnectionTrialDependencies {
  readonly client: Client;
  readonly link: NetworkLink;
  /** The room in which each message of every ticket arrives once. */
  readonly listRoomId: string;
  /** Returns the conversation that is on the page. */
  readonly shown: () => ShownConversation | undefined;
  /** Loads the last sequence number of a ticket in the database. */
  readonly storedUpTo: (ticketId: string) => Promise<number>;
}

/** One interruption, from the cut until its report. */
interface Interruption {
  readonly cutAtMs: number;
  /** The conversation on the page at the cut. */
  readonly before: ShownConversation | undefined;
  readonly repeatedBefore: number;
  readonly droppedBefore: number;
  restoredAtMs?: number;
  /** Time at which the new connection was established. */
  reconnectedAtMs?: number;
  /** Time at which the last missed message arrived. */
  caughtUpAtMs?: number;
  replayed: number;
  /** IDs of the messages that arrived as events. */
  readonly arrived: Set<string>;
  /** True if the gateway reported that it cannot send the missed events. */
  wasResynced: boolean;
}

/** A stored message counts as lost if it is still not on the page after this time. Until then, it may be on its way. */
const graceMs = 4_000;
const graceStepMs = 50;

/** The trials of one person. A trial is reported when the client is live again and the conversation on the page is current. */
export class ConnectionTrial {
  readonly store: StoreApi<TrialState> = createStore<TrialState>(() => ({ kind: 'idle', report: null }));
  readonly #dependencies: ConnectionTrialDependencies;
  readonly #handled = new HandledEvents();
  #interruption: Interruption | undefined;

  constructor(dependencies: ConnectionTrialDependencies) {
    const { client } = dependencies;
    this.#dependencies = dependencies;
    client.onAny((event) => this.#recordEvent(event));
    client.onStateChange(() => this.#connectionChanged());
    client.onResync(() => {
      if (this.#interruption !== undefined) this.#interruption.wasResynced = true;
    });
  }

  cut(): void {
    const { client, link, shown } = this.#dependencies;
    if (link.isCut) return;
    this.#interruption = {
      cutAtMs: performance.now(),
      before: shown(),
      repeatedBefore: this.#handled.repeated,
      droppedBefore: client.counts.repeated,
      replayed: 0,
      arrived: new Set(),
      wasResynced: false,
    };
    link.cut();
    this.store.setState({ kind: 'cut', sinceMs: Date.now() }, true);
  }

  restore(): void {
    const { link } = this.#dependencies;
    if (!link.isCut) return;
    if (this.#interruption !== undefined) this.#interruption.restoredAtMs = performance.now();
    this.store.setState({ kind: 'restoring' }, true);
    link.restore();
  }

  dismissReport(): void {
    if (this.store.getState().kind === 'idle') this.store.setState({ kind: 'idle', report: null }, true);
  }

  #connectionChanged(): void {
    const { state } = this.#dependencies.client;
    const interruption = this.#interruption;
    if (interruption?.restoredAtMs === undefined) return;
    if (state === 'resyncing' || state === 'live') interruption.reconnectedAtMs ??= performance.now();
    if (state === 'reconnecting') delete interruption.reconnectedAtMs;
    if (state === 'live') void this.#finish(interruption);
  }

  /** Counts repeated events, and the messages that the gateway replays after an interruption. */
  #recordEvent(event: DeliveredEvent): void {
    this.#handled.add(event.event_id);
    const { client, listRoomId } = this.#dependencies;
    const interruption = this.#interruption;
    if (interruption?.reconnectedAtMs === undefined || event.event_type !== 'chat_message') return;
    interruption.arrived.add(event.payload.id);
    if (event.room_id !== listRoomId || client.state !== 'resyncing') return;
    interruption.replayed += 1;
    interruption.caughtUpAtMs = performance.now();
  }

  async #finish(interruption: Interruption): Promise<void> {
    const ticketId = interruption.before?.ticketId;
    const { link, shown, storedUpTo } = this.#dependencies;
    const last = ticketId === undefined ? 0 : await storedUpTo(ticketId).catch(() => undefined);
    if (last === undefined) return;
    const endMs = performance.now() + graceMs;
    for (;;) {
      // If the connection was cut or lost again, there is nothing to report yet.
      if (this.#interruption !== interruption || link.isCut) return;
      const now = shown();
      const counted = countLost(interruption.before, now, last);
      const isComplete = now?.isCurrent !== false && counted.lost === 0;
      if (isComplete || performance.now() > endMs) {
        this.#interruption = undefined;
        this.store.setState({ kind: 'idle', report: this.#report(interruption, now, counted) }, true);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, graceStepMs));
    }
  }

  #report(
    interruption: Interruption,
    now: ShownConversation | undefined,
    counted: ReturnType<typeof countLost>,
  ): TrialReport {
    const { client } = this.#dependencies;
    const { cutAtMs, restoredAtMs = cutAtMs, reconnectedAtMs = 0, arrived } = interruption;
    const { wasResynced, replayed, caughtUpAtMs = reconnectedAtMs } = interruption;
    const loaded = counted.added.filter(({ id }) => !arrived.has(id)).length;
    const endMs = wasResynced ? performance.now() : caughtUpAtMs;
    return {
      awayMs: restoredAtMs - cutAtMs,
      source: wasResynced ? 'load' : 'replay',
      messages: wasResynced ? loaded : replayed,
      tookMs: Math.max(0, endMs - reconnectedAtMs),
      expected: counted.expected,
      lost: counted.lost,
      duplicated: this.#handled.repeated - interruption.repeatedBefore + countShownTwice(now),
      droppedRepeats: client.counts.repeated - interruption.droppedBefore,
    };
  }
}
