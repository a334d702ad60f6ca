// The presence of users in rooms. One loop runs the lease, the writer, the sweeper and the watched rooms. The store keeps
// what all gateways know. See `packages/broker/src/port/presence.ts`.
import { type Broker, BrokerError } from '@millrace/broker';
import { isBroadcastRoom, isRoomId } from '@millrace/contract';
import { backOffDelayMs, type CancelTimer, type Clock, pause, userKey } from '@millrace/internal';
import { personalRoomOf } from '../auth/room-access.js';
import { startRepeatingTimer } from '../repeating-timer.js';
import type { Logger } from '../telemetry/logger.js';
import { LocalPresence, type PresenceClient } from './local-presence.js';
import { LeaseKeeper } from './presence-lease.js';
import { PresenceWriter } from './presence-writer.js';
import { MAX_SNAPSHOT_BYTES, memberOf, type PresenceMessage, type RoomMembers } from './room-members.js';
import { Sweeper } from './sweeper.js';
import { WatchedRooms } from './watched-rooms.js';

/** Options of {@link Presence}. */
export interface PresenceOptions {
  /** Time for which a lost connection still counts. The same time applies to the connections of a dead gateway. */
  readonly graceMs: number;
  /** Interval at which changes are written and read. */
  readonly intervalMs: number;
  /** Maximum number of members of a room that are listed. */
  readonly maxMembers: number;
}

/** Dependencies of {@link Presence}. */
export interface PresenceDependencies {
  readonly broker: Pick<Broker, 'presence' | 'state'>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
  readonly random: () => number;
  send(connectionIds: readonly string[], message: PresenceMessage): void;
  isLagging(connectionId: string): boolean;
  /** Called with the number of written connections. */
  onWritten(edits: number): void;
  /** Called with the number of users who lost connections because a lease ended. */
  onSwept(users: number): void;
  onLeaseLost(): void;
}

/** The online state of a user. */
export interface UserOnline {
  readonly user_id: string;
  readonly online: boolean;
  readonly connections: number;
  /** Time of the first connection. Left out if the user is not connected. */
  readonly since?: string;
}

/** Maximum length of a user's ID in characters. A user with a longer ID does not count. */
const MAX_USER_CHARS = 1_024;

/** Milliseconds after which the entries of an unchanged room are written again. */
const REPEAT_MS = 60_000;

/** Maximum number of unchanged rooms that are written again in one turn. */
const REPEATS_AT_ONCE = 25;

/** Maximum pause after a failure, in milliseconds. */
const MAX_PAUSE_MS = 1_000;

/**
 * The states of the lease:
 *
 * ```
 * none ── begin ─▶ held ── renewed in time ─▶ held
 *   ▲                └── ended or lost ─▶ none
 * ```
 * A lease ends if this process was stopped for longer than the grace. The other gateways have then swept its entries. This
 * gateway first waits for a moment, to notice sockets that were closed. It then writes the open connections under a new
 * lease.
 *
 * A lease is lost if the store was unavailable for longer than the grace or lost its data. Every gateway then writes its entries
 * again. Members who are missing in the store are kept for the grace, so that nobody seems to leave.
 */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #dependencies: PresenceDependencies;
  readonly #leaseMs: number;
  readonly #renewMs: number;
  readonly #local: LocalPresence;
  readonly #lease: LeaseKeeper;
  readonly #writer: PresenceWriter;
  readonly #sweeper: Sweeper;
  readonly #watched: WatchedRooms;
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #cancelBeat: CancelTimer = () => {};
  #isSweeping = false;
  /** Rooms with a stray entry that is being removed now. */
  readonly #strays = new Set<string>();
  /** Monotonic times. */
  #beatMs = 0;
  #pausedMs = Number.NEGATIVE_INFINITY;
  #renewAtMs = 0;
  #keepMissingUntilMs = 0;
  #endedText = '';
  #failures = 0;

  constructor(options: PresenceOptions, dependencies: PresenceDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    const { broker, clock, send, isLagging, onWritten, onSwept } = dependencies;
    const store = broker.presence;
    const monotonicMs = (): number => clock.monotonicMs();
    this.#renewMs = Math.max(1, Math.min(500, Math.floor(options.graceMs / 5)));
    // When a gateway dies, its last renewal may be one interval old.
    this.#leaseMs = options.graceMs + this.#renewMs;
    this.#lease = new LeaseKeeper({
      store,
      leaseMs: this.#leaseMs,
      monotonicMs,
      wallMs: () => clock.wallMs(),
    });
    this.#local = new LocalPresence({
      graceMs: options.graceMs,
      monotonicMs,
      storeMs: () => this.#lease.storeMs(),
    });
    const { maxMembers } = options;
    this.#writer = new PresenceWriter({ store, local: this.#local, maxMembers, onWritten });
    this.#sweeper = new Sweeper({ store, maxMembers, onSwept });
    this.#watched = new WatchedRooms({
      store,
      rules: {
        maxMembers,
        hasEnded: (holder) => this.#lease.hasEnded(holder),
        isKeepingMissing: () => this.#isKeepingMissing(),
      },
      monotonicMs,
      send,
      isLagging,
      confirmStore: (room) => this.#confirmStore(room),
      onStray: (room, holder) => this.#sweepStray(room, holder),
    });
  }

  /** Number of this gateway's clients in rooms, and number of rooms that they watch. */
  get counts(): { readonly entries: number; readonly watchedRooms: number } {
    return { entries: this.#local.size, watchedRooms: this.#watched.size };
  }

  /** Starts the loop. The first lease begins as soon as the store answers. */
  start(): void {
    const { clock } = this.#dependencies;
    this.#beatMs = clock.monotonicMs();
    this.#cancelBeat = startRepeatingTimer(clock, Math.ceil(this.#leaseMs / 10), () => this.#beat());
    this.#loop = this.#run();
  }

  /**
   * Ends the loop and writes the last changes. Connections that have just ended still count for the grace, because their
   * clients return to other gateways. Never rejects.
   */
  async stop(): Promise<void> {
    this.#cancelBeat();
    this.#stopping.abort();
    await this.#loop;
    const { lease } = this.#lease;
    if (lease === undefined || this.#dependencies.broker.state !== 'ready') return;
    // A failure is harmless: the other gateways sweep the entries after the end of the lease.
    while (this.#local.isDirty) if (!(await this.#writer.flush(lease).catch(() => false))) return;
  }

  // ── The clients of this gateway ───────────────────────────────────────────────────────────────────────────────

  /** Called when a connection has entered a room. Entering twice is harmless. */
  enter(room: string, client: PresenceClient): void {
    // Everybody is in a broadcast room, so it keeps no members. The ID of a user is any text, so a personal room is possible that is
    // not a valid room.
    if (isRoomId(room) && !isBroadcastRoom(room) && client.user.length <= MAX_USER_CHARS)
      this.#local.enter(room, client);
  }

  /** Called when a connection leaves a room. */
  leave(room: string, connectionId: string): void {
    this.#local.leave(room, connectionId);
    this.#watched.unwatch(room, connectionId);
  }

  /** Called when a connection has ended. Its client counts for the grace. */
  lose(connectionId: string): void {
    for (const room of this.#local.lose(connectionId)) this.#watched.unwatch(room, connectionId);
  }

  /** @param state JSON text of one line */
  setState(room: string, client: PresenceClient, state: string): void {
    this.#local.setState(room, client, state);
  }

  watch(room: string, connectionId: string): void {
    this.#watched.watch(room, connectionId);
  }

  unwatch(room: string, connectionId: string): void {
    this.#watched.unwatch(room, connectionId);
  }

  // ── Queries ───────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Resolves to the members of a room.
   * @param maxBytes maximum size of the members as JSON; beyond it they are left out
   * @throws BrokerError
   */
  async members(room: string, maxBytes = Number.POSITIVE_INFINITY): Promise<RoomMembers> {
    const known = this.#watched.members(room);
    if (known?.members !== undefined) return known;
    const { version, users, connections, present } = await this.#dependencies.broker.presence.read(
      room,
      this.#options.maxMembers,
    );
    await this.#checkWhole();
    const head = { room_id: room, version };
    if (present === undefined) return { ...head, users, connections };
    const members = present
      .toSorted((a, b) => a.sinceMs - b.sinceMs)
      .flatMap((user) => memberOf(user, (holder) => this.#lease.hasEnded(holder)) ?? []);
    const counts = {
      users: members.length,
      connections: members.reduce((sum, member) => sum + member.connections, 0),
    };
    const isListed = !(Buffer.byteLength(JSON.stringify(members)) > maxBytes);
    return { ...head, ...counts, ...(isListed ? { members } : {}) };
  }

  /** Resolves to the members in a form that fits into one message. @throws BrokerError */
  async snapshot(room: string): Promise<RoomMembers> {
    return this.members(room, MAX_SNAPSHOT_BYTES);
  }

  /** Resolves to whether the user has a connection to any gateway. @throws BrokerError */
  async online(userId: string): Promise<UserOnline> {
    const user = userKey(userId);
    const found = await this.#dependencies.broker.presence.readUser(personalRoomOf(user), user);
    const member = found && memberOf(found, (holder) => this.#lease.hasEnded(holder));
    if (member === undefined) {
      await this.#checkWhole();
      return { user_id: userId, online: false, connections: 0 };
    }
    const { connections, since } = member;
    return { user_id: userId, online: true, connections, since };
  }

  /**
   * Called after a read in which members may be missing: until the gateways have written them again, nobody knows who is in a room of
   * a store that has lost its data.
   * @throws BrokerError
   */
  async #checkWhole(): Promise<void> {
    if (!this.#isKeepingMissing() && (await this.#lease.isKept())) return;
    throw new BrokerError('unavailable', 'presence was lost in the store, and is being written again');
  }

  // ── The loop ──────────────────────────────────────────────────────────────────────────────────────────────────

  async #run(): Promise<void> {
    const { clock, random } = this.#dependencies;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#turn();
      const { intervalMs } = this.#options;
      const delayMs =
        this.#failures === 0
          ? intervalMs
          : Math.max(intervalMs, backOffDelayMs(this.#failures, { maxMs: MAX_PAUSE_MS }, random()));
      await pause(clock, delayMs, signal);
    }
  }

  async #turn(): Promise<void> {
    if (this.#dependencies.broker.state !== 'ready') return;
    const { logger } = this.#dependencies;
    try {
      await this.#keepLease();
      await this.#write();
      await this.#watched.refresh();
      if (this.#failures > 0) logger.info('presence is available again');
      this.#failures = 0;
    } catch (error) {
      if (this.#failures === 0)
        logger.warn({ err: error }, 'presence cannot be written or read: it may be out of date until it can');
      this.#failures += 1;
    }
  }

  async #keepLease(): Promise<void> {
    const nowMs = this.#dependencies.clock.monotonicMs();
    if (nowMs < this.#renewAtMs) return;
    if (this.#lease.lease === undefined) {
      await this.#lease.begin();
      this.#local.startOver();
    } else if (!(await this.#lease.renew())) {
      this.#onLeaseLost();
      return;
    }
    this.#renewAtMs = nowMs + this.#renewMs;
    this.#noteEnded();
  }

  async #write(): Promise<void> {
    this.#local.expire();
    this.#writer.indexAgain(this.#local.repeat(REPEAT_MS, REPEATS_AT_ONCE));
    const { lease } = this.#lease;
    if (lease === undefined || !this.#local.isDirty) return;
    if (await this.#writer.flush(lease)) return;
    this.#lease.drop();
    this.#onLeaseLost();
  }

  #onLeaseLost(): void {
    const { clock, logger, onLeaseLost } = this.#dependencies;
    const nowMs = clock.monotonicMs();
    onLeaseLost();
    this.#watched.markAllStale();
    if (nowMs - this.#pausedMs < this.#leaseMs) {
      logger.warn(
        'this process was stopped for longer than the grace of presence: its members are written again',
      );
      // Sockets that were closed meanwhile are noticed in the next turns of the event loop.
      this.#renewAtMs = nowMs + Math.min(1_000, this.#options.graceMs / 4);
      return;
    }
    logger.warn('presence was lost in the store: the members are written again');
    this.#renewAtMs = nowMs;
    this.#keepMissing(nowMs);
  }

  #keepMissing(nowMs: number): void {
    this.#keepMissingUntilMs = nowMs + this.#options.graceMs;
    const cancel = this.#dependencies.clock.startTimer(() => {
      this.#stopping.signal.removeEventListener('abort', cancel);
      this.#watched.markAllStale();
      this.#watched.touchAll();
    }, this.#options.graceMs + 1);
    this.#stopping.signal.addEventListener('abort', cancel, { once: true });
  }

  #isKeepingMissing(): boolean {
    return this.#dependencies.clock.monotonicMs() < this.#keepMissingUntilMs;
  }

  /** Asks the store whether it still has the lease. If not, the store has lost data, so missing members are kept. */
  async #confirmStore(room: string): Promise<boolean> {
    // Entries of this gateway may be missing, too.
    this.#local.repeatRoom(room);
    if (this.#lease.lease === undefined) return !this.#isKeepingMissing();
    if (await this.#lease.renew()) return true;
    this.#onLeaseLost();
    return false;
  }

  #beat(): void {
    const nowMs = this.#dependencies.clock.monotonicMs();
    if (nowMs - this.#beatMs > this.#leaseMs / 2) this.#pausedMs = nowMs;
    this.#beatMs = nowMs;
  }

  // ── Leases that have ended ────────────────────────────────────────────────────────────────────────────────────

  #noteEnded(): void {
    const { ended } = this.#lease;
    const text = ended.join(' ');
    if (text !== this.#endedText) this.#watched.touchAll();
    this.#endedText = text;
    // Leases that ended together with this gateway's own are renewed by gateways that are still there.
    if (ended.length === 0 || this.#isSweeping || this.#isKeepingMissing()) return;
    this.#isSweeping = true;
    void this.#sweep(ended).finally(() => {
      this.#isSweeping = false;
    });
  }

  /** Never rejects. After a failure, the next renewal shows what is left to sweep. */
  async #sweep(ended: readonly string[]): Promise<void> {
    const { clock, random } = this.#dependencies;
    const { signal } = this.#stopping;
    // The random delay lets the gateways begin at different moments, so that most rooms are swept only once.
    await pause(clock, (random() * this.#renewMs) / 2, signal);
    await this.#sweeper.sweep(ended, signal).catch(() => {});
  }

  #sweepStray(room: string, holder: string): void {
    const id = `${holder} ${room}`;
    if (this.#strays.has(id) || this.#lease.ended.includes(holder) || this.#isKeepingMissing()) return;
    this.#strays.add(id);
    // A failure is harmless: the next check of the room finds the entry again.
    void this.#sweeper
      .sweepRoom(room, holder)
      .catch(() => {})
      .finally(() => this.#strays.delete(id));
  }
}
