// A subscriber is a gateway's reader of the broker. It reads every stream, reports its progress, and runs its share of the
// passes and trims. It uses only the port, so it works with every broker.
import { setMaxListeners } from 'node:events';
import { invalid } from '../arguments.js';
import { type EntryId, FIRST_ENTRY_ID } from '../entries/entry-id.js';
import { BrokerError, toBrokerError } from '../errors.js';
import type { Broker } from '../port/broker.js';
import type { HeartbeatReply, StreamStart } from '../port/subscriber-registry.js';
import { type CurrentPosition, joinPosition, type ReportedTip } from '../positions/position.js';
import { BrokerClock } from './broker-clock.js';
import { EntrySizes } from './entry-sizes.js';
import { FailingLoops, type Loop } from './failing-loops.js';
import { beatOnce, type HeartbeatDependencies, runHeartbeat } from './heartbeat.js';
import { Ledger } from './ledger.js';
import { Registration } from './registration.js';
import { StreamHealth, type StreamTrouble } from './stream-health.js';
import { StreamTrack, unknownStart } from './stream-track.js';
import {
  type LoopReport,
  type ResolvedSubscriberOptions,
  resolveSubscriberOptions,
  type SubscriberOptions,
  type SubscriberState,
} from './subscriber-options.js';
import { Tail } from './tail.js';

/** The heartbeat and the read loop of one group of streams. */
interface GroupLoops {
  readonly beating: Loop;
  readonly reading: Loop;
  readonly heartbeat: HeartbeatDependencies;
  readonly tail: Tail;
}

/**
 * Creates a subscriber of a broker. The caller opens and closes the broker.
 * @throws BrokerError `invalid_argument` when an option is wrong
 *
 * @example
 * ```ts
 * const subscriber = createSubscriber(broker, {
 *   name: `reader-${crypto.randomUUID()}`,
 *   onEntry: (stream, { id, fields }) => console.log(stream, id, fields),
 *   onError: (error, source) => console.error(source, error),
 * });
 * await subscriber.start(); // registers and reads, until stop
 * await subscriber.stop();
 * ```
 * @beta
 */
export function createSubscriber(broker: Broker, options: SubscriberOptions): Subscriber {
  return new Subscriber(broker, resolveSubscriberOptions(options));
}

/**
 * A subscriber of a broker. Its states:
 * - `idle` → `registering`: `start` was called. The cursors are registered, heartbeats begin, and `warmUp` runs.
 * - `registering` → `tailing`: the first read may begin.
 * - `tailing` → `recovering`: a read or a heartbeat failed, the broker had declared the subscriber dead, a stream was lost,
 *   or another server serves a stream.
 * - `recovering` → `tailing`: both loops work again, and every cursor has reached the newest entry that was known after the
 *   trouble.
 * - any state → `stopping` → `stopped`: `stop` was called. A stopped subscriber cannot be started again.
 *
 * A refused stream does not change the state. It is listed in `troubles` and tried again later. The other streams continue.
 * @beta
 */
export class Subscriber {
  readonly #broker: Broker;
  readonly #options: ResolvedSubscriberOptions;
  readonly #brokerClock: BrokerClock;
  /** Ends all loops and every wait of `start`. */
  readonly #stopping = new AbortController();
  /** The track of each stream, in the broker's order. `start` fills it. */
  readonly #tracks = new Map<string, StreamTrack>();
  readonly #sizes = new EntrySizes();
  readonly #health: StreamHealth;
  readonly #registration: Registration;
  readonly #failing = new FailingLoops();
  #state: SubscriberState = 'idle';
  #ledger: Ledger | undefined;
  /**
   * The loops of each read group of the broker, in the order of the groups. Trouble with one group does not delay the others,
   * because each has its own loops.
   */
  #groups: readonly GroupLoops[] = [];
  #loops: Promise<void>[] = [];
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  /** @internal Use `createSubscriber`. */
  constructor(broker: Broker, options: ResolvedSubscriberOptions) {
    // All loops wait with this signal. On a cluster there are loops for each group, and Node warns about more than ten listeners.
    setMaxListeners(0, this.#stopping.signal);
    this.#broker = broker;
    this.#options = options;
    this.#brokerClock = new BrokerClock(() => options.clock.monotonicMs());
    this.#health = new StreamHealth(options);
    this.#registration = new Registration({
      broker,
      options,
      brokerClock: this.#brokerClock,
      health: this.#health,
      report: this.#reportOf({ source: 'heartbeat', tracks: this.#tracks }),
      onLateStart: (start) => this.#track(start.stream).begin(start),
      onServed: () => this.#recoverIfDone(),
    });
  }

  get name(): string {
    return this.#options.name;
  }

  get state(): SubscriberState {
    return this.#state;
  }

  /** The slot that is held; `undefined` before the first claim and after `stop`. */
  get slot(): number | undefined {
    return this.#ledger?.slot;
  }

  /** The present troubles of single streams. */
  get troubles(): readonly StreamTrouble[] {
    return this.#health.troubles;
  }

  /**
   * True if the subscriber has handled every entry from before its start or its last recovery. Ignores streams that the
   * broker refuses. False if the broker refuses all streams.
   */
  get isCaughtUp(): boolean {
    return this.#state === 'tailing' && this.#haveAllCaughtUp();
  }

  /**
   * Registers, warms up and begins to read. Retries with back-off while the broker is unavailable.
   * @throws BrokerError `refused` if the broker refuses every stream, `closed` if the broker is closed, or `invalid_argument`
   *   if the subscriber is started twice. Also throws the error of `warmUp`
   */
  async start(): Promise<void> {
    if (this.#state !== 'idle') throw invalid('a subscriber can be started only once: create another one');
    this.#change('registering');
    this.#starting = this.#begin();
    try {
      await this.#starting;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * Stops reading, acknowledges the handled entries, and releases the leases, the slot and the cursors. Never rejects: leases
   * and slots that could not be released expire. Idempotent.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  /**
   * Returns the ID up to which every entry of the stream was handled. Returns `undefined` before `start`, or if the broker does not
   * have the stream.
   */
  cursor(stream: string): EntryId | undefined {
    return this.#tracks.get(stream)?.cursor;
  }

  /**
   * Returns the position in the given streams, as text for a client. Inside `onEntry` the position includes the entry.
   * @param streams a list in a fixed order. @defaultValue every stream, in the broker's order
   * @param scope the rooms for which the position is valid; see `joinPosition`
   * @throws BrokerError `invalid_argument` before `start` or for an unknown stream
   */
  position(streams?: readonly string[], scope = ''): string {
    const tracks = streams?.map((stream) => this.#track(stream)) ?? [...this.#tracks.values()];
    return joinPosition(
      tracks.map((track) => track.segment),
      scope,
    );
  }

  /** Returns the position in the given streams as values, to compare a client's position with it. */
  currentPosition(streams: readonly string[] = [...this.#tracks.keys()]): CurrentPosition {
    return streams.map((stream) => {
      const { epoch, cursor, previousEpoch } = this.#track(stream);
      return { epoch, cursor, previousEpoch };
    });
  }

  /** Returns the newest entry of the stream that the last heartbeat reported, or `undefined` before the first heartbeat. */
  reportedTip(stream: string): ReportedTip | undefined {
    return this.#track(stream).reportedTip;
  }

  /**
   * Returns the estimated broker time, in milliseconds since 1970, without a call to the broker; see `BrokerClock`. Returns the
   * local wall time before the first reply.
   */
  brokerTimeMs(): number {
    return this.#brokerClock.wallMs() ?? this.#options.clock.wallMs();
  }

  /** See `StreamTrack.noteErased`. Called inside `onEntry`, for a control entry that erases entries of its stream. */
  noteErased(stream: string, ids: readonly EntryId[]): void {
    this.#tracks.get(stream)?.noteErased(ids);
  }

  async #begin(): Promise<void> {
    const { signal } = this.#stopping;
    const starts = await this.#registration.start(signal);
    if (starts === undefined) return;
    this.#createTracks(starts);
    this.#startHeartbeats();
    await this.#options.warmUp(starts);
    if (signal.aborted) return;
    this.#startReading();
    // The state becomes `tailing` only after `troubles` lists the refused streams.
    await this.#registration.tryRefused();
    if (signal.aborted) return;
    this.#loops.push(this.#registration.runLate(signal));
    this.#change('tailing');
  }

  /** Creates the tracks in the order of the broker and of positions. The track of a refused stream starts at `unknownStart`. */
  #createTracks(starts: readonly StreamStart[]): void {
    const known = new Map(starts.map((start) => [start.stream, start]));
    for (const { name } of this.#broker.partitioning.streams) {
      const start = known.get(name);
      const track = new StreamTrack(start ?? unknownStart(name, this.brokerTimeMs()));
      this.#tracks.set(name, track);
      if (start !== undefined) continue;
      // No heartbeat reports a refused stream. This artificial tip keeps clients from waiting for its entries.
      track.noteReportedTip(FIRST_ENTRY_ID, Number.POSITIVE_INFINITY);
      this.#registration.noteRefused(name);
    }
  }

  #startHeartbeats(): void {
    const { signal } = this.#stopping;
    this.#groups = this.#broker.readGroups.map((streams) => this.#newGroup(streams));
    for (const { heartbeat } of this.#groups) this.#loops.push(runHeartbeat(heartbeat, signal));
  }

  #newGroup(streams: readonly string[]): GroupLoops {
    const tracks = new Map(streams.map((stream) => [stream, this.#track(stream)] as const));
    const common = { broker: this.#broker, options: this.#options, tracks, health: this.#health };
    const beating: Loop = { source: 'heartbeat', tracks };
    const reading: Loop = { source: 'tail', tracks };
    const onProgress = (streams: ReadonlySet<string>): void => {
      this.#ledger?.nudge(streams);
      this.#recoverIfDone();
      this.#options.onAdvance(streams);
    };
    return {
      beating,
      reading,
      heartbeat: {
        ...common,
        brokerClock: this.#brokerClock,
        report: this.#reportOf(beating),
        isRegistered: (stream) => this.#registration.isRegistered(stream),
        onReply: (track, reply, askedAtMs) => {
          this.#onReply(track, reply);
          track.noteReportedTip(reply.lastId, askedAtMs);
          this.#options.onHeartbeat(track.stream);
        },
      },
      tail: new Tail({
        ...common,
        sizes: this.#sizes,
        report: this.#reportOf(reading),
        mayRead: (stream) => this.#registration.mayRead(stream),
        onProgress,
      }),
    };
  }

  #startReading(): void {
    const { signal } = this.#stopping;
    const failing = this.#failing;
    this.#ledger = new Ledger({
      broker: this.#broker,
      options: this.#options,
      tracks: this.#tracks,
      sizes: this.#sizes,
      report: this.#reportOf({ source: 'ledger', tracks: this.#tracks }),
      health: this.#health,
      mayAccount: (stream) =>
        this.#registration.mayRead(stream) &&
        !this.#health.isRefused(stream, ['tail', 'heartbeat']) &&
        !this.#groups.some(
          ({ beating, reading }) =>
            reading.tracks.has(stream) && (failing.has(reading) || failing.has(beating)),
        ),
    });
    for (const { tail } of this.#groups) this.#loops.push(tail.run(signal));
    this.#loops.push(this.#ledger.run(signal));
  }

  #onReply(track: StreamTrack, reply: HeartbeatReply): void {
    const { stream } = reply;
    if (reply.status === 'reset') {
      track.reset(reply);
      this.#interrupt(stream);
      this.#recover(new BrokerError('unavailable', `${stream} was lost or rewound`));
      this.#options.onReset(stream, reply.lastId);
      return;
    }
    if (reply.status === 'moved') {
      track.move(reply);
      this.#interrupt(stream);
      this.#recover(new BrokerError('unavailable', `another server serves ${stream}`));
      this.#options.onMove(stream);
      this.#recoverIfDone();
      return;
    }
    track.notePreviousEpoch(reply.previousEpoch);
    if (reply.status === 'revived') {
      track.loseTarget();
      track.skipTip();
      this.#recover(new BrokerError('unavailable', `${this.name} had been declared dead on ${stream}`));
    }
    const lost = track.noteTip(reply);
    if (lost > 0) this.#options.onGap(track.stream, lost, track.isGapKnown);
    this.#recoverIfDone();
  }

  /** Ends the present read of the stream's group, because it uses an outdated cursor. */
  #interrupt(stream: string): void {
    for (const { tail, reading } of this.#groups) if (reading.tracks.has(stream)) tail.interrupt();
  }

  async #end(): Promise<void> {
    this.#change('stopping');
    this.#stopping.abort();
    // `start` reports the error to its caller.
    await this.#starting?.catch(() => {});
    await Promise.all(this.#loops);
    try {
      await Promise.all(this.#groups.map(({ heartbeat }) => beatOnce(heartbeat)));
      await this.#ledger?.release();
      if (this.#tracks.size > 0) await this.#broker.unregister(this.name);
    } catch (error) {
      // The failure is harmless: leases and slots expire, and a cursor without heartbeats is removed.
      this.#options.onError(toBrokerError(error, 'unavailable'), 'stop');
    }
    this.#change('stopped');
  }

  #reportOf(loop: Loop): LoopReport {
    return { onSuccess: () => this.#works(loop), onFailure: (error) => this.#fails(loop, error) };
  }

  #works(loop: Loop): void {
    if (this.#failing.delete(loop)) this.#recoverIfDone();
  }

  #fails(loop: Loop, error: BrokerError): void {
    // Loops with the same source usually fail for the same reason, so only the first failure is reported.
    const isNews = !this.#failing.isFailing(loop.source);
    if (!this.#failing.add(loop)) return;
    if (isNews) this.#options.onError(error, loop.source);
    if (loop.source === 'ledger') return;
    for (const track of loop.tracks.values()) track.loseTarget();
    this.#recover(error);
  }

  #recover(cause: BrokerError): void {
    if (this.#state === 'tailing') this.#change('recovering', cause);
  }

  #recoverIfDone(): void {
    if (this.#state !== 'recovering') return;
    if (this.#failing.isFailing('tail') || this.#failing.isFailing('heartbeat')) return;
    if (this.#haveAllCaughtUp()) this.#change('tailing');
  }

  #haveAllCaughtUp(): boolean {
    const served = [...this.#tracks.values()].filter(({ stream }) => !this.#health.isRefused(stream));
    return served.length > 0 && served.every(({ isCaughtUp }) => isCaughtUp);
  }

  #track(stream: string): StreamTrack {
    const track = this.#tracks.get(stream);
    if (track === undefined)
      throw invalid(`no stream ${JSON.stringify(stream)}, or the subscriber was not started`);
    return track;
  }

  #change(state: SubscriberState, cause?: Error): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onStateChange(state, cause);
  }
}
