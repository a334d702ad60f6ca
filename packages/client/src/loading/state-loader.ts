// Implements `room.load`. Decides when to call the loader, which events to hold, and when to hand them over.
import { backOffDelayMs, type CancelTimer } from '@millrace/internal';
import { ClientError, messageOf, type ReportError } from '../client-error.js';
import type { ResolvedClientOptions } from '../client-options.js';
import type { AnyEvent } from '../delivery/events.js';
import type { Unsubscribe } from '../delivery/handlers.js';
import type { ResolvedLoadOptions } from './load-options.js';
import { type LoadPhase, leavePhase, type RoomLink, statusOf } from './load-phase.js';
import { type Loaded, LoaderCall } from './loader-call.js';
import type { Loader, LoadSnapshot, RoomLoad, WhenDown } from './room-load.js';
import { type Change, ShownState } from './shown-state.js';

/** Dependencies of a {@link StateLoader}. */
export interface StateLoaderDependencies {
  readonly roomId: string;
  readonly options: Pick<ResolvedClientOptions, 'clock' | 'random' | 'retry' | 'maxHeldEvents'>;
  readonly report: ReportError;
  /** The state of the room's connection when the load is created. */
  readonly link: RoomLink;
  /** Returns the position after which the room's next events follow. */
  position(): string | undefined;
  /** True if the client has lately received an event with this ID in any room. */
  readonly hasReceived: (eventId: string) => boolean;
  /** Called when the load has ended. */
  onEnd(): void;
}

/** A load as its room sees it. */
export type LoadOfRoom = Pick<StateLoader<unknown>, 'onEvent' | 'eventsLost' | 'linkChanged' | 'roomEnded'>;

/** Longest wait for an event that a loaded state names but that was not received. */
const MAX_SETTLE_MS = 2_000;

/**
 * Transitions:
 *
 * ```
 * joining ── joined ──▶ loading ── loaded ──▶ live ── connection lost ──▶ resuming ── joined, recovered ──▶ live
 *    ▲                  ▲    │ failed, or events lost  │ events lost          │ events lost
 *    │ connection lost  │    ▼                         ▼                      ▼
 *    └──────────────── waiting ◀───────────────────────┘                   joining
 *
 * joining, resuming, loading ── without the room for `afterMs` ──▶ polling ── joined ──▶ waiting
 * loading, resuming ── the state names an event that was not received ──▶ settling ── received, or 2 s passed ──▶ live
 * ```
 *
 * The first load begins at once. Every later one begins after a random delay. A running call continues when the room is joined
 * or lost. Therefore never more than one runs. Every phase can change to closed.
 */
export class StateLoader<S> implements RoomLoad<S> {
  readonly #loader: Loader<S>;
  readonly #options: ResolvedLoadOptions<S>;
  readonly #dependencies: StateLoaderDependencies;
  readonly #shown: ShownState<S>;
  /** Only `#enter` changes the phase. */
  #phase: LoadPhase = { name: 'joining' };
  #link: RoomLink;
  #wasJoined = false;
  /** True if the loader was called before or an initial state was given. Later loads are delayed randomly. */
  #hasCalled: boolean;
  /** Number of failed calls in a row. */
  #failures = 0;
  /** Cancels the timer after which polling begins. */
  #cancelWatch: CancelTimer = () => {};

  constructor(loader: Loader<S>, options: ResolvedLoadOptions<S>, dependencies: StateLoaderDependencies) {
    this.#loader = loader;
    this.#options = options;
    this.#dependencies = dependencies;
    this.#shown = new ShownState<S>(options, dependencies.report);
    this.#link = dependencies.link;
    this.#hasCalled = options.initial !== undefined;
  }

  // ── For the application ───────────────────────────────────────────────────────────────────────────────────────

  get snapshot(): LoadSnapshot<S> {
    return this.#shown.snapshot;
  }

  get ready(): Promise<S> {
    return this.#shown.ready;
  }

  readonly getSnapshot = (): LoadSnapshot<S> => this.#shown.snapshot;

  readonly subscribe = (listener: () => unknown): Unsubscribe => this.#shown.subscribe(listener);

  reload(): void {
    const { name } = this.#phase;
    if (name === 'live' || name === 'settling' || name === 'waiting') this.#load();
    else if (name === 'polling' && !('call' in this.#phase)) this.#poll();
    else this.eventsLost();
  }

  close(): void {
    const { roomId } = this.#dependencies;
    this.roomEnded(new ClientError('closed', `The load of room ${roomId} was closed.`, { roomId }));
  }

  // ── For the room ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Begins to work. Called once. */
  begin(): void {
    const { position } = this.#options.initial ?? {};
    if (this.#link === 'joined') this.#onJoined();
    else if (position !== undefined && position === this.#dependencies.position())
      this.#enter({ name: 'resuming', held: [] });
    this.#watchLink();
  }

  /** Called for each event of the room, in order. */
  onEvent(event: AnyEvent): void {
    const phase = this.#phase;
    if (phase.name === 'live') this.#enter(phase, { events: [event] });
    // In any other phase the room is loaded later, and the state will contain the event.
    if (!('held' in phase) || (phase.name === 'loading' && !phase.isComplete)) return;
    phase.held.push(event);
    if (phase.held.length > this.#dependencies.options.maxHeldEvents) this.eventsLost();
    else if (phase.name === 'settling') this.#handOver(phase.held);
  }

  /** Called when events of the room are lost. */
  eventsLost(): void {
    const phase = this.#phase;
    if (phase.name === 'loading') this.#enter({ ...phase, held: [], isComplete: false });
    else if (phase.name === 'live' || phase.name === 'settling' || phase.name === 'resuming')
      this.#loadLater();
  }

  /** Called when the room's connection changes. If a rejoin could not recover missed events, `eventsLost` is called first. */
  linkChanged(link: RoomLink): void {
    if (link === this.#link) return;
    this.#link = link;
    if (link === 'joined') this.#onJoined();
    else this.#onLost();
    this.#watchLink();
  }

  /** Called when the room has ended. */
  roomEnded(reason: ClientError): void {
    if (this.#phase.name === 'closed') return;
    this.#cancelWatch();
    this.#dependencies.onEnd();
    this.#enter({ name: 'closed' }, { end: reason });
  }

  // ── Transitions ───────────────────────────────────────────────────────────────────────────────────────────────

  #enter(next: LoadPhase, change: Change<S> = {}): void {
    const previous = this.#phase;
    this.#phase = next;
    leavePhase(previous, next);
    this.#shown.update(statusOf(next, this.#wasJoined), change);
  }

  #onJoined(): void {
    this.#wasJoined = true;
    const phase = this.#phase;
    if (phase.name === 'resuming') this.#handOver(phase.held);
    else if (phase.name === 'polling' && 'call' in phase)
      this.#enter({ name: 'loading', call: phase.call, held: [], isComplete: false });
    else if (phase.name === 'polling' || (phase.name === 'joining' && this.#hasCalled)) this.#loadLater();
    else if (phase.name === 'joining') this.#load();
  }

  #onLost(): void {
    const phase = this.#phase;
    if (phase.name === 'live') this.#enter({ name: 'resuming', held: [] });
    else if (phase.name === 'settling') this.#enter({ name: 'resuming', held: phase.held });
    else if (phase.name === 'waiting') this.#enter({ name: 'joining' });
    else if (this.#link === 'stopped' && (phase.name === 'loading' || phase.name === 'polling'))
      this.#enter({ name: 'joining' });
  }

  /** If the room is not joined, starts the timer after which the load polls. */
  #watchLink(): void {
    this.#cancelWatch();
    const { whenDown } = this.#options;
    if (whenDown === undefined || this.#link !== 'seeking' || this.#phase.name === 'closed') return;
    this.#cancelWatch = this.#dependencies.options.clock.startTimer(
      () => this.#onDown(whenDown),
      whenDown.afterMs,
    );
  }

  #onDown(whenDown: Required<WhenDown>): void {
    const phase = this.#phase;
    if (phase.name === 'loading') this.#enter({ name: 'polling', call: phase.call });
    else if (this.snapshot.state === undefined) this.#poll();
    // The delay is random, because all clients lose a gateway at the same moment.
    else this.#pollAfter(this.#dependencies.options.random() * whenDown.pollMs);
  }

  #load(): void {
    const call = this.#createCall(this.#dependencies.position());
    this.#enter({ name: 'loading', call, held: [], isComplete: true });
    call.start();
  }

  #poll(): void {
    const call = this.#createCall(undefined);
    this.#enter({ name: 'polling', call });
    call.start();
  }

  #createCall(position: string | undefined): LoaderCall<S> {
    this.#hasCalled = true;
    const { roomId, options } = this.#dependencies;
    return new LoaderCall({
      loader: this.#loader,
      context: { roomId, position },
      containedIn: (upTo) => this.#shown.containedIn(upTo),
      clock: options.clock,
      timeoutMs: this.#options.timeoutMs,
      onLoaded: (loaded) => this.#onLoaded(loaded),
      onFailed: (error) => this.#onFailed(error),
    });
  }

  #onLoaded(loaded: Loaded<S>): void {
    this.#failures = 0;
    const phase = this.#phase;
    if (phase.name !== 'loading') this.#pollAfter(this.#pollDelayMs(), { loaded });
    else if (!phase.isComplete) this.#loadLater({ loaded });
    else this.#handOver(phase.held, loaded);
  }

  #onFailed(cause: unknown): void {
    const { roomId, options, report } = this.#dependencies;
    const error = new ClientError('load_failed', `Room ${roomId} was not loaded: ${messageOf(cause)}`, {
      roomId,
      cause,
    });
    const delayMs = backOffDelayMs(this.#failures, options.retry, options.random());
    // Reports only the first of several consecutive failures.
    if (this.#failures++ === 0) report(error);
    if (this.#phase.name === 'loading') this.#loadLater({ error }, delayMs);
    else this.#pollAfter(this.#pollDelayMs() + delayMs, { error });
  }

  /** Hands over the held events. If it is not known yet which of them the state contains, waits. @param loaded a new state */
  #handOver(held: AnyEvent[], loaded?: Loaded<S>): void {
    const { hasReceived, options } = this.#dependencies;
    const change = loaded === undefined ? {} : { loaded };
    const contained = loaded?.contained ?? this.#shown.contained;
    if (!contained.isAwaiting(hasReceived)) {
      const isJoined = this.#link === 'joined';
      this.#enter(isJoined ? { name: 'live' } : { name: 'resuming', held: [] }, { ...change, events: held });
    } else if (this.#link !== 'joined') {
      this.#enter({ name: 'resuming', held }, change);
    } else if (this.#phase.name !== 'settling') {
      const cancelWait = options.clock.startTimer(() => {
        contained.stopAwaiting();
        this.#handOver(held);
      }, MAX_SETTLE_MS);
      this.#enter({ name: 'settling', held, cancelWait }, change);
    }
  }

  /** Loads after a delay if the room is joined. Otherwise the load follows the next join. */
  #loadLater(change: Change<S> = {}, delayMs = this.#reloadDelayMs()): void {
    if (this.#link !== 'joined') {
      this.#enter({ name: 'joining' }, change);
      return;
    }
    const cancelWait = this.#dependencies.options.clock.startTimer(() => this.#load(), delayMs);
    this.#enter({ name: 'waiting', cancelWait }, change);
  }

  #pollAfter(delayMs: number, change: Change<S> = {}): void {
    const cancelWait = this.#dependencies.options.clock.startTimer(() => this.#poll(), delayMs);
    this.#enter({ name: 'polling', cancelWait }, change);
  }

  #reloadDelayMs(): number {
    return this.#dependencies.options.random() * this.#options.maxReloadDelayMs;
  }

  #pollDelayMs(): number {
    return (0.5 + this.#dependencies.options.random()) * (this.#options.whenDown?.pollMs ?? 0);
  }
}
