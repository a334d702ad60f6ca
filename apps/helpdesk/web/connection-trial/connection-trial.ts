// Pulls the cable, plugs it in again, and counts what that has cost. Everything in the report is counted from what this
// page has handled and what the database holds: nothing is assumed.
import type { ClientState, DeliveredEvent } from '@millrace/client';
import type { StoreApi } from 'zustand';
import type { Message } from '../../src/api-types.js';
import { type Conversation, emptyConversation, lastSequenceNumber } from '../state/conversation.js';
import type { CableReport, DeskState } from '../state/workspace-state.js';
import type { Cable } from './network-link.js';
import { countLost, countShownTwice, type HandledEvents } from './trial-counts.js';

/** What a {@link CableTrial} needs. */
export interface CableTrialPorts {
  readonly store: StoreApi<DeskState>;
  readonly cable: Cable;
  readonly handled: HandledEvents;
  /** Repeats that the client has dropped so far. */
  droppedRepeats(): number;
  /** The last sequence number in the database, by ticket. */
  storedUpTo(): Promise<ReadonlyMap<string, number>>;
}

/** One time without a cable. */
interface Trial {
  readonly pulledAtMs: number;
  /** What had been seen before, by ticket, of the conversations that were loaded. */
  readonly seenUpTo: ReadonlyMap<string, number>;
  readonly repeatedBefore: number;
  readonly droppedBefore: number;
  pluggedAtMs?: number;
  /** When the new connection was there, and when the last missed message was. */
  openedAtMs?: number;
  caughtUpAtMs?: number;
  replayed: number;
  loaded: number;
  /** Loads that were begun because the gateway could not replay. */
  readonly loads: Promise<void>[];
}

/** A message that was stored a moment ago may still be on its way: only what is missing after this is lost. */
const graceMs = 2_000;
const graceStepMs = 100;

/** idle → pulled → plugged → (the client is live again, everything loaded) → checked → idle. */
export class CableTrial {
  readonly #ports: CableTrialPorts;
  #trial: Trial | undefined;

  constructor(ports: CableTrialPorts) {
    this.#ports = ports;
  }

  pull(): void {
    const { store, cable, handled } = this.#ports;
    if (!cable.isPlugged) return;
    const loaded = [...store.getState().conversations].filter(([, { isLoaded }]) => isLoaded);
    this.#trial = {
      pulledAtMs: performance.now(),
      seenUpTo: new Map(
        loaded.map(([ticketId, conversation]) => [ticketId, lastSequenceNumber(conversation)]),
      ),
      repeatedBefore: handled.repeated,
      droppedBefore: this.#ports.droppedRepeats(),
      replayed: 0,
      loaded: 0,
      loads: [],
    };
    cable.pull();
    store.setState({ cable: { kind: 'pulled', sinceMs: Date.now() } });
  }

  plug(): void {
    const { store, cable } = this.#ports;
    if (cable.isPlugged) return;
    if (this.#trial !== undefined) this.#trial.pluggedAtMs = performance.now();
    store.setState({ cable: { kind: 'returning' } });
    cable.plug();
  }

  dismissReport(): void {
    const { store } = this.#ports;
    if (store.getState().cable.kind === 'plugged')
      store.setState({ cable: { kind: 'plugged', report: null } });
  }

  /** The last number seen of a ticket before the cable was pulled. */
  seenUpTo(ticketId: string): number | undefined {
    return this.#trial?.seenUpTo.get(ticketId);
  }

  connectionChanged(state: ClientState): void {
    const trial = this.#trial;
    if (trial?.pluggedAtMs === undefined) return;
    if (state === 'resyncing' || state === 'live') trial.openedAtMs ??= performance.now();
    if (state === 'reconnecting') delete trial.openedAtMs;
    if (state === 'live') void this.#finish(trial);
  }

  /** An event is being handled. */
  observe({ event_type: type }: DeliveredEvent): void {
    const trial = this.#trial;
    if (trial?.openedAtMs === undefined || this.#ports.store.getState().connection !== 'resyncing') return;
    if (type !== 'chat_message') return;
    trial.replayed += 1;
    trial.caughtUpAtMs = performance.now();
  }

  /** Messages came out of the database, into this conversation. */
  loaded(messages: readonly Message[], conversation: Conversation): void {
    const trial = this.#trial;
    if (trial?.openedAtMs === undefined) return;
    const known = new Set(conversation.messages.map(({ id }) => id));
    trial.loaded += messages.filter(({ id }) => !known.has(id)).length;
    trial.caughtUpAtMs = performance.now();
  }

  /** The report waits for this. */
  during(load: Promise<void>): void {
    // A load that fails leaves a gap, which the report then shows.
    const settled = load.catch((error: unknown) => console.warn(error));
    this.#trial?.loads.push(settled);
  }

  async #finish(trial: Trial): Promise<void> {
    // What onResync begins is begun before or in the same turn as the change of state.
    await Promise.resolve();
    await Promise.all(trial.loads);
    const { lost, expected } = await this.#countLost(trial).catch(() => ({ lost: 0, expected: -1 }));
    // Pulled again, or broken again, meanwhile: there is nothing to report yet.
    if (this.#trial !== trial || !this.#ports.cable.isPlugged || expected < 0) return;
    this.#trial = undefined;
    this.#ports.store.setState({ cable: { kind: 'plugged', report: this.#report(trial, expected, lost) } });
  }

  async #countLost(trial: Trial): Promise<{ readonly expected: number; readonly lost: number }> {
    const storedUpTo = await this.#ports.storedUpTo();
    const endMs = performance.now() + graceMs;
    for (;;) {
      const { conversations } = this.#ports.store.getState();
      const counted = countLost(
        [...trial.seenUpTo].map(([ticketId, seenUpTo]) => ({
          conversation: conversations.get(ticketId) ?? emptyConversation,
          seenUpTo,
          storedUpTo: storedUpTo.get(ticketId) ?? seenUpTo,
        })),
      );
      if (counted.lost === 0 || performance.now() > endMs) return counted;
      await new Promise((resolve) => setTimeout(resolve, graceStepMs));
    }
  }

  #report(trial: Trial, expected: number, lost: number): CableReport {
    const { handled, store } = this.#ports;
    const shownTwice = [...store.getState().conversations.values()].map(countShownTwice);
    const wasLoaded = trial.loads.length > 0;
    return {
      awayMs: (trial.pluggedAtMs ?? trial.pulledAtMs) - trial.pulledAtMs,
      way: wasLoaded ? 'load' : 'replay',
      messages: wasLoaded ? trial.loaded : trial.replayed,
      tookMs: Math.max(0, (trial.caughtUpAtMs ?? trial.openedAtMs ?? 0) - (trial.openedAtMs ?? 0)),
      expected,
      lost,
      duplicated: handled.repeated - trial.repeatedBefore + shownTwice.reduce((sum, count) => sum + count, 0),
      droppedRepeats: this.#ports.droppedRepeats() - trial.droppedBefore,
    };
  }
}
