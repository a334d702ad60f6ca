// What a gateway is inside the broker: it reads every stream, reports how far it has come, and does its share of
// the accounting. Written over the port alone, so it is the same on every broker.

import { backOffDelayMs, pause } from '@millrace/internal';
import { invalid } from '../arguments.js';
import { FIRST_ENTRY_ID } from '../entries/entry-id.js';
import { BrokerError, toBrokerError } from '../errors.js';
import type { Broker, EntryId, HeartbeatReply, StreamStart } from '../port/broker.js';
import { type CurrentPosition, joinPosition, type ToldTip } from '../positions/position.js';
import { BrokerClock } from './broker-clock.js';
import { EntrySizes } from './entry-sizes.js';
import { beatOnce, type HeartbeatContext, runHeartbeat } from './heartbeat.js';
import { Ledger } from './ledger.js';
import { StreamHealth, type StreamTrouble } from './stream-health.js';
import { StreamTrack, unknownStart } from './stream-track.js';
import {
  type LoopReport,
  type MemberErrorSource,
  type MemberOptions,
  type MemberState,
  type ResolvedMemberOptions,
  resolveMemberOptions,
} from './subscriber-options.js';
import { Tail } from './tail.js';

/** How often a stream that refused the member is asked again. */
const LATE_RETRY_MS = 1_000;

/** One loop over some streams, as far as it can fail. */
interface Loop {
  readonly source: MemberErrorSource;
  readonly tracks: ReadonlyMap<string, StreamTrack>;
}

/** What reads and reports one group of streams. */
interface GroupLoops {
  readonly beating: Loop;
  readonly reading: Loop;
  readonly heartbeat: HeartbeatContext;
  readonly tail: Tail;
}

/**
 * A member of a broker. The broker is opened and closed by its owner.
 * @throws BrokerError `invalid_argument` when an option is wrong
 *
 * @example
 * ```ts
 * const member = createMember(broker, {
 *   name: `reader-${crypto.randomUUID()}`,
 *   onEntry: (stream, { id, fields }) => console.log(stream, id, fields),
 *   onError: (error, source) => console.error(source, error),
 * });
 * await member.start(); // registers and reads, until stop
 * await member.stop();
 * ```
 */
export function createMember(broker: Broker, options: MemberOptions): Member {
  return new Member(broker, resolveMemberOptions(options));
}

/**
 * State:
 * - `idle` → `registering` by `start`; the cursors are registered and heartbeats begin, then `warmUp` runs.
 * - `registering` → `tailing` when the first read may begin.
 * - `tailing` → `recovering` when a read or a heartbeat fails, or when the broker had declared the member dead or
 *   lost a stream. `recovering` → `tailing` when both loops work again and every cursor has reached the
 *   newest entry known after the trouble.
 * - A stream that the broker refuses changes no state: it is one of `troubles`, is tried again, and the others go on.
 * - any → `stopping` → `stopped` by `stop`; there is no way back.
 */
export class Member {
  readonly #broker: Broker;
  readonly #options: ResolvedMemberOptions;
  readonly #brokerClock: BrokerClock;
  /** Ends all loops and every wait of `start`. */
  readonly #stopping = new AbortController();
  /** One per stream, in the broker's order; filled by `start`. */
  readonly #tracks = new Map<string, StreamTrack>();
  readonly #sizes = new EntrySizes();
  readonly #registering: Loop = { source: 'heartbeat', tracks: this.#tracks };
  readonly #health: StreamHealth;
  /** Streams that refused the member when it started. */
  readonly #unregistered = new Set<string>();
  /** Streams that are not read yet: unregistered, or registered late and warming up. */
  readonly #unread = new Set<string>();
  /** The loops whose last round failed. */
  readonly #failing = new Set<Loop>();
  #state: MemberState = 'idle';
  #ledger: Ledger | undefined;
  /** One per read group of the broker, in its order: what is wrong with one group must not hold up the others. */
  #groups: readonly GroupLoops[] = [];
  #loops: Promise<void>[] = [];
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  /** @internal Use `createMember`. */
  constructor(broker: Broker, options: ResolvedMemberOptions) {
    this.#broker = broker;
    this.#options = options;
    this.#brokerClock = new BrokerClock(() => options.clock.monotonicMs());
    this.#health = new StreamHealth(options);
  }

  get name(): string {
    return this.#options.name;
  }

  get state(): MemberState {
    return this.#state;
  }

  /** The slot held; `undefined` before the first claim and after `stop`. */
  get slot(): number | undefined {
    return this.#ledger?.slot;
  }

  /** Troubles of single streams, by the last look at each. */
  get troubles(): readonly StreamTrouble[] {
    return this.#health.troubles;
  }

  /**
   * True when everything that had been published when it began, or last recovered, was handled. Streams that the broker refuses do
   * not count, unless it refuses all.
   */
  get isCaughtUp(): boolean {
    return this.#state === 'tailing' && this.#haveAllCaughtUp();
  }

  /**
   * Registers, warms up and begins to read. While the broker is away it tries again, with back-off.
   * @throws BrokerError `refused` when the broker refuses every stream, `closed`, what `warmUp` threw, or `invalid_argument` when started twice
   */
  async start(): Promise<void> {
    if (this.#state !== 'idle') throw invalid('a member is started once');
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
   * Stops reading, acknowledges what was handled, gives back leases, slot and cursors. Never rejects: what could not
   * be given back runs out by itself. Idempotent.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  /** Everything up to this entry was handled. `undefined` for a stream the broker does not have, or before `start`. */
  cursor(stream: string): EntryId | undefined {
    return this.#tracks.get(stream)?.cursor;
  }

  /**
   * How far the given streams were read, as text for a client; inside `onEntry` the entry is included.
   * @param streams a list in a fixed order. @defaultValue every stream, in the broker's order
   * @param scope whom the position is for; see `joinPosition`
   * @throws BrokerError `invalid_argument` before `start` or for an unknown stream
   */
  position(streams?: readonly string[], scope = ''): string {
    const tracks = streams?.map((stream) => this.#track(stream)) ?? [...this.#tracks.values()];
    return joinPosition(
      tracks.map((track) => track.segment),
      scope,
    );
  }

  /** The same as values, to compare a client's position with. */
  currentPosition(streams: readonly string[] = [...this.#tracks.keys()]): CurrentPosition {
    return streams.map((stream) => {
      const { epoch, cursor, former } = this.#track(stream);
      return { epoch, cursor, former };
    });
  }

  /** The stream's end by the last heartbeat; `undefined` before the first. */
  told(stream: string): ToldTip | undefined {
    return this.#track(stream).told;
  }

  /**
   * Broker time now, in milliseconds since 1970, without asking: see `BrokerClock`. Local wall time before the
   * first reply.
   */
  brokerTimeMs(): number {
    return this.#brokerClock.wallMs() ?? this.#options.clock.wallMs();
  }

  async #begin(): Promise<void> {
    const starts = await this.#register();
    if (starts === undefined) return;
    this.#createTracks(starts);
    this.#startHeartbeats();
    await this.#options.warmUp(starts);
    if (this.#stopping.signal.aborted) return;
    this.#startReading();
    // Named before anybody is told that the member reads.
    for (const stream of this.#unread) await this.#registerOne(stream);
    if (this.#stopping.signal.aborted) return;
    this.#loops.push(this.#registerLate());
    this.#change('tailing');
  }

  /** In the broker's order, for positions name streams by it; what could not be registered has a track without a place. */
  #createTracks(starts: readonly StreamStart[]): void {
    const known = new Map(starts.map((start) => [start.stream, start]));
    for (const { name } of this.#broker.partitioning.streams) {
      const start = known.get(name);
      const track = new StreamTrack(start ?? unknownStart(name, this.brokerTimeMs()));
      this.#tracks.set(name, track);
      if (start !== undefined) continue;
      // No heartbeat will say so: nobody is to wait for what this stream had.
      track.noteTold(FIRST_ENTRY_ID, Number.POSITIVE_INFINITY);
      this.#unregistered.add(name);
      this.#unread.add(name);
    }
  }

  /** Streams that refused the member at its start are asked again, once a second, until somebody has repaired them. */
  async #registerLate(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (this.#unread.size > 0) {
      await pause(clock, LATE_RETRY_MS, signal);
      if (signal.aborted) return;
      for (const stream of this.#unread) await this.#registerOne(stream);
    }
  }

  async #registerOne(stream: string): Promise<void> {
    try {
      const starts = await this.#broker.register(this.name, [stream]);
      for (const start of starts) this.#track(stream).begin(start);
      this.#unregistered.delete(stream);
      await this.#options.warmUp(starts);
      this.#unread.delete(stream);
      this.#health.note(stream, 'register', undefined);
      this.#recoverIfDone();
    } catch (error) {
      const failure = toBrokerError(error, 'unavailable');
      if (!failure.isTransient && failure.code !== 'closed') this.#health.refuse(stream, 'register', failure);
    }
  }

  /** `undefined` when it was stopped meanwhile. */
  async #register(): Promise<readonly StreamStart[] | undefined> {
    const { clock, name } = this.#options;
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const sentMs = clock.monotonicMs();
        const starts = await this.#broker.register(name);
        const receivedMs = clock.monotonicMs();
        for (const { timeMs } of starts) this.#brokerClock.learn(sentMs, receivedMs, timeMs);
        this.#works(this.#registering);
        return starts;
      } catch (error) {
        const failure = toBrokerError(error, 'unavailable');
        if (!failure.isTransient) throw failure;
        this.#fails(this.#registering, failure);
        await pause(clock, backOffDelayMs(attempt), signal);
      }
    }
    return undefined;
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
        isRegistered: (stream) => !this.#unregistered.has(stream),
        onReply: (track, reply, askedAtMs) => {
          this.#onReply(track, reply);
          track.noteTold(reply.lastId, askedAtMs);
          this.#options.onHeartbeat(track.stream);
        },
      },
      tail: new Tail({
        ...common,
        sizes: this.#sizes,
        report: this.#reportOf(reading),
        mayRead: (stream) => !this.#unread.has(stream),
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
        !this.#unread.has(stream) &&
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
    if (reply.verdict === 'reset') {
      track.reset(reply);
      this.#interrupt(stream);
      this.#recover(new BrokerError('unavailable', `${stream} was lost or rewound`));
      this.#options.onReset(stream, reply.lastId);
      return;
    }
    if (reply.verdict === 'moved') {
      track.move(reply);
      this.#interrupt(stream);
      this.#recover(new BrokerError('unavailable', `another server serves ${stream}`));
      this.#options.onMove(stream);
      this.#recoverIfDone();
      return;
    }
    track.noteFormer(reply.former);
    if (reply.verdict === 'revived') {
      track.loseTarget();
      this.#recover(new BrokerError('unavailable', `${this.name} had been declared dead on ${stream}`));
    }
    const lost = track.noteTip(reply);
    if (lost > 0) this.#options.onGap(track.stream, lost, track.isGapKnown);
    this.#recoverIfDone();
  }

  /** The read under way asks for the wrong place. */
  #interrupt(stream: string): void {
    for (const { tail, reading } of this.#groups) if (reading.tracks.has(stream)) tail.interrupt();
  }

  async #end(): Promise<void> {
    this.#change('stopping');
    this.#stopping.abort();
    // `start` reports its own failure to its caller.
    await this.#starting?.catch(() => {});
    await Promise.all(this.#loops);
    try {
      await Promise.all(this.#groups.map(({ heartbeat }) => beatOnce(heartbeat)));
      await this.#ledger?.release();
      if (this.#tracks.size > 0) await this.#broker.unregister(this.name);
    } catch (error) {
      // Leases and slots run out, and a cursor without heartbeats is removed: nothing depends on this.
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
    if (this.#failing.has(loop)) return;
    // Several loops of one kind fail for one cause: it is told once.
    const isNews = !this.#isFailing(loop.source);
    this.#failing.add(loop);
    if (isNews) this.#options.onError(error, loop.source);
    if (loop.source === 'ledger') return;
    for (const track of loop.tracks.values()) track.loseTarget();
    this.#recover(error);
  }

  #isFailing(source: MemberErrorSource): boolean {
    return [...this.#failing].some((loop) => loop.source === source);
  }

  #recover(cause: BrokerError): void {
    if (this.#state === 'tailing') this.#change('recovering', cause);
  }

  #recoverIfDone(): void {
    if (this.#state !== 'recovering' || this.#isFailing('tail') || this.#isFailing('heartbeat')) return;
    if (this.#haveAllCaughtUp()) this.#change('tailing');
  }

  #haveAllCaughtUp(): boolean {
    const served = [...this.#tracks.values()].filter(({ stream }) => !this.#health.isRefused(stream));
    return served.length > 0 && served.every(({ isCaughtUp }) => isCaughtUp);
  }

  #track(stream: string): StreamTrack {
    const track = this.#tracks.get(stream);
    if (track === undefined)
      throw invalid(`no stream ${JSON.stringify(stream)}, or the member was not started`);
    return track;
  }

  #change(state: MemberState, cause?: Error): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onStateChange(state, cause);
  }
}
