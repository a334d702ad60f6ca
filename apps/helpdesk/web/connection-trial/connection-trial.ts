// Cuts a person's connection, restores it, and reports the missed, lost and repeated messages. Every figure is counted from the
// events that this page has handled and from the messages in the database.
import type { ClientState, DeliveredEvent } from '@millrace/client';
import type { StoreApi } from 'zustand';
import type { Message } from '../../src/api-types.js';
import { type Conversation, lastSequenceNumber } from '../state/conversation.js';
import { conversationOf } from '../state/workspace-changes.js';
import type { TrialReport, WorkspaceState } from '../state/workspace-state.js';
import type { NetworkLink } from './network-link.js';
import { countLost, countShownTwice, type HandledEvents } from './trial-counts.js';

/** Dependencies of a {@link ConnectionTrial}. */
interface ConnectionTrialDependencies {
  readonly store: StoreApi<WorkspaceState>;
  readonly link: NetworkLink;
  readonly handled: HandledEvents;
  /** Returns the number of repeated events that the client has dropped so far. */
  readonly droppedRepeats: () => number;
  /** Loads the last sequence number in the database, by ticket. */
  readonly storedUpTo: () => Promise<ReadonlyMap<string, number>>;
}

/** One interruption, from the cut until its report. */
interface Interruption {
  readonly cutAtMs: number;
  /** For each ticket whose conversation was loaded, the last sequence number on the page before the cut. */
  readonly seenUpTo: ReadonlyMap<string, number>;
  readonly repeatedBefore: number;
  readonly droppedBefore: number;
  restoredAtMs?: number;
  /** Time at which the new connection was established. */
  reconnectedAtMs?: number;
  /** Time at which the last missed message arrived. */
  caughtUpAtMs?: number;
  replayed: number;
  loaded: number;
  /** Loads that were started because the gateway could not replay the missed messages. */
  readonly loads: Promise<void>[];
}

/**
 * A stored message counts as lost if it is still not on the page after this time. Until then, the message may
 * still be on its way.
 */
const graceMs = 2_000;
const graceStepMs = 100;

/**
 * States of a trial: idle → cut → restored → reported → idle. A trial is reported when the client is live
 * again and all loads are done.
 */
export class ConnectionTrial {
  readonly #dependencies: ConnectionTrialDependencies;
  #interruption: Interruption | undefined;

  constructor(dependencies: ConnectionTrialDependencies) {
    this.#dependencies = dependencies;
  }

  cut(): void {
    const { store, link, handled, droppedRepeats } = this.#dependencies;
    if (link.isCut) return;
    const loaded = [...store.getState().conversations].filter(([, { isLoaded }]) => isLoaded);
    this.#interruption = {
      cutAtMs: performance.now(),
      seenUpTo: new Map(
        loaded.map(([ticketId, conversation]) => [ticketId, lastSequenceNumber(conversation)]),
      ),
      repeatedBefore: handled.repeated,
      droppedBefore: droppedRepeats(),
      replayed: 0,
      loaded: 0,
      loads: [],
    };
    link.cut();
    store.setState({ trial: { kind: 'cut', sinceMs: Date.now() } });
  }

  restore(): void {
    const { store, link } = this.#dependencies;
    if (!link.isCut) return;
    if (this.#interruption !== undefined) this.#interruption.restoredAtMs = performance.now();
    store.setState({ trial: { kind: 'restoring' } });
    link.restore();
  }

  dismissReport(): void {
    const { store } = this.#dependencies;
    if (store.getState().trial.kind === 'idle') store.setState({ trial: { kind: 'idle', report: null } });
  }

  /** Returns the last sequence number of a ticket that was on the page before the cut. */
  seenUpTo(ticketId: string): number | undefined {
    return this.#interruption?.seenUpTo.get(ticketId);
  }

  connectionChanged(state: ClientState): void {
    const interruption = this.#interruption;
    if (interruption?.restoredAtMs === undefined) return;
    if (state === 'resyncing' || state === 'live') interruption.reconnectedAtMs ??= performance.now();
    if (state === 'reconnecting') delete interruption.reconnectedAtMs;
    if (state === 'live') void this.#finish(interruption);
  }

  /** Counts a chat message that the gateway replays after an interruption. */
  recordEvent({ event_type: type }: DeliveredEvent): void {
    const interruption = this.#interruption;
    if (interruption?.reconnectedAtMs === undefined) return;
    if (type !== 'chat_message' || this.#dependencies.store.getState().connection !== 'resyncing') return;
    interruption.replayed += 1;
    interruption.caughtUpAtMs = performance.now();
  }

  /** Counts messages that were loaded from the database after an interruption and are not yet in the conversation. */
  recordLoaded(messages: readonly Message[], conversation: Conversation): void {
    const interruption = this.#interruption;
    if (interruption?.reconnectedAtMs === undefined) return;
    const known = new Set(conversation.messages.map(({ id }) => id));
    interruption.loaded += messages.filter(({ id }) => !known.has(id)).length;
    interruption.caughtUpAtMs = performance.now();
  }

  /** Delays the report until a load has ended. */
  waitFor(load: Promise<void>): void {
    // A load that fails leaves a gap, which the report then shows.
    const settled = load.catch((error: unknown) => console.warn(error));
    this.#interruption?.loads.push(settled);
  }

  async #finish(interruption: Interruption): Promise<void> {
    // `onResync` starts its loads before the state changes or in the same turn of the event loop. Therefore other code of this turn
    // must run first.
    await Promise.resolve();
    await Promise.all(interruption.loads);
    const { lost, expected } = await this.#countLost(interruption).catch(() => ({ lost: 0, expected: -1 }));
    const { store, link } = this.#dependencies;
    // If the connection was cut or lost again during the loads, there is nothing to report yet.
    if (this.#interruption !== interruption || link.isCut || expected < 0) return;
    this.#interruption = undefined;
    store.setState({ trial: { kind: 'idle', report: this.#report(interruption, expected, lost) } });
  }

  async #countLost(
    interruption: Interruption,
  ): Promise<{ readonly expected: number; readonly lost: number }> {
    const storedUpTo = await this.#dependencies.storedUpTo();
    const endMs = performance.now() + graceMs;
    for (;;) {
      const state = this.#dependencies.store.getState();
      const counted = countLost(
        [...interruption.seenUpTo].map(([ticketId, seenUpTo]) => ({
          conversation: conversationOf(state, ticketId),
          seenUpTo,
          storedUpTo: storedUpTo.get(ticketId) ?? seenUpTo,
        })),
      );
      if (counted.lost === 0 || performance.now() > endMs) return counted;
      await new Promise((resolve) => setTimeout(resolve, graceStepMs));
    }
  }

  #report(interruption: Interruption, expected: number, lost: number): TrialReport {
    const { handled, store, droppedRepeats } = this.#dependencies;
    const { cutAtMs, restoredAtMs = cutAtMs, reconnectedAtMs = 0, caughtUpAtMs } = interruption;
    const shownTwice = [...store.getState().conversations.values()].map(countShownTwice);
    const wasLoaded = interruption.loads.length > 0;
    return {
      awayMs: restoredAtMs - cutAtMs,
      source: wasLoaded ? 'load' : 'replay',
      messages: wasLoaded ? interruption.loaded : interruption.replayed,
      tookMs: Math.max(0, (caughtUpAtMs ?? reconnectedAtMs) - reconnectedAtMs),
      expected,
      lost,
      duplicated:
        handled.repeated - interruption.repeatedBefore + shownTwice.reduce((sum, count) => sum + count, 0),
      droppedRepeats: droppedRepeats() - interruption.droppedBefore,
    };
  }
}
