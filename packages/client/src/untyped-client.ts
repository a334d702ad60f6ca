// The implementation of the client: connector → session and delivery → rooms → handlers. This file keeps what outlives a
// connection.
import { userKey } from '@millrace/internal';
import { ClientError } from './client-error.js';
import type { ResolvedClientOptions } from './client-options.js';
import type { ClientCounts, ClientState, StateChange } from './client-state.js';
import type { Connection } from './connection/connection-port.js';
import { Connector } from './connection/connector.js';
import { TokenRefresh } from './connection/token-refresh.js';
import { TokenSource } from './connection/token-source.js';
import { type Deferred, deferred } from './deferred.js';
import { Delivery } from './delivery/delivery.js';
import type { AnyEvent, JoinAnswer, TypingUser } from './delivery/events.js';
import { ErrorReporter, EventHandlers, HandlerSet, type Unsubscribe } from './delivery/handlers.js';
import type { JoinOptions, JoinResult } from './rooms/room.js';
import { EVERYBODY, Session } from './rooms/session.js';
import { NO_USERS, type RoomConnection, UntypedRoom } from './rooms/untyped-room.js';

const PERSONAL_ROOM = 'user:me';

const USER_PREFIX = 'user:';
/** Begins the ID of the room of everybody of a tenant. The gateway sends its events to the user's own connections, as those of `*`. */
const TENANT_PREFIX = `${EVERYBODY}:`;

/** Implements `Client` without the static types of events. `Client` describes the guarantees and the states. */
export class UntypedClient {
  readonly personalRoom: UntypedRoom;
  readonly everybody: UntypedRoom;
  readonly #options: ResolvedClientOptions;
  readonly #errors = new ErrorReporter();
  readonly #events = new EventHandlers(this.#errors.report);
  readonly #stateChange = new HandlerSet<[change: StateChange]>(this.#errors.report);
  readonly #joinHandlers = new HandlerSet<[roomId: string, result: JoinResult]>(this.#errors.report);
  readonly #resyncHandlers = new HandlerSet<[roomId: string, reason: string]>(this.#errors.report);
  readonly #erasedHandlers = new HandlerSet<[roomId: string, eventId: string]>(this.#errors.report);
  readonly #removedHandlers = new HandlerSet<[roomId: string, reason: string]>(this.#errors.report);
  readonly #typingChange = new HandlerSet<[roomId: string, users: readonly TypingUser[]]>(
    this.#errors.report,
  );
  readonly #tokens: TokenSource;
  readonly #connector: Connector;
  readonly #delivery: Delivery;
  /** The rooms by the ID that was given to `join`, including the personal room. The application's joins bound their number. */
  readonly #rooms = new Map<string, UntypedRoom>();
  #state: ClientState = 'idle';
  /** The promise that `connect` returned, or `undefined` before the first call. */
  #ready: Deferred<void> | undefined;
  /** The reason why the last attempt to connect failed, which is reported only once. */
  #failure: string | undefined;
  /** The session of the open connection, or `undefined` without a connection. */
  #session: Session | undefined;
  #refresh: TokenRefresh | undefined;

  constructor(options: ResolvedClientOptions) {
    this.#options = options;
    this.#delivery = new Delivery({
      options,
      report: this.#errors.report,
      handlers: this.#events,
      roomOf: (roomId) => this.#roomOfEvent(roomId),
      session: () => this.#session,
      resync: (room, reason) => this.#resync(room, reason),
      erased: (room, eventId) => {
        room.erased(eventId);
        this.#erasedHandlers.call(room.id, eventId);
      },
      removed: (room, reason) => this.#removed(room, reason),
    });
    this.#tokens = new TokenSource(options.accessToken);
    this.#connector = new Connector(
      { ...options, clientId: randomId(), tokens: this.#tokens },
      {
        onMessage: (target, argument) => this.#delivery.onMessage(target, argument),
        onOpen: (connection) => this.#onOpen(connection),
        onLost: (cause) => this.#onLost(cause),
        onFailed: (cause) => this.#onFailed(cause),
        onGaveUp: (error) => this.#onGaveUp(error),
      },
    );
    this.personalRoom = this.#addRoom(PERSONAL_ROOM, undefined);
    this.everybody = this.#addRoom(EVERYBODY, undefined);
  }

  // ── Connection ────────────────────────────────────────────────────────────────────────────────────────────────

  get state(): ClientState {
    return this.#state;
  }

  get userId(): string | undefined {
    const { ownId } = this.personalRoom;
    return ownId === PERSONAL_ROOM ? undefined : ownId.slice(USER_PREFIX.length);
  }

  get counts(): ClientCounts {
    return this.#delivery.counts;
  }

  connect(): Promise<void> {
    if (this.#ready !== undefined && this.#state !== 'closed') return this.#ready.promise;
    const ready = deferred<void>();
    this.#ready = ready;
    // The state shows the failure to a caller that does not await this promise.
    ready.promise.catch(() => {});
    this.#tokens.reset();
    this.#connector.start();
    this.#setState('connecting');
    this.#linkChanged();
    return ready.promise;
  }

  async close(): Promise<void> {
    const stopped = this.#connector.stop();
    this.#endSession();
    const reason = new ClientError('closed', 'The client was closed.');
    // A room that a handler joins meanwhile is for the next connection.
    const rooms = [...this.#rooms.values()];
    for (const room of rooms) {
      if (!room.wasJoined && !this.#isStanding(room)) this.#forget(room, reason);
    }
    this.#ready?.reject(reason);
    this.#setState('closed');
    this.#linkChanged();
    await stopped;
  }

  // ── Rooms ─────────────────────────────────────────────────────────────────────────────────────────────────────

  join(roomId: string, options: JoinOptions = {}): UntypedRoom {
    if (typeof roomId !== 'string' || roomId === '')
      throw new ClientError('invalid_argument', 'A room ID must be a non-empty text.');
    const known = this.room(roomId);
    if (known !== undefined) return known;
    const room = this.#addRoom(roomId, options.after);
    this.#session?.join(room);
    return room;
  }

  async leave(roomId: string): Promise<void> {
    const room = this.room(roomId);
    if (room !== undefined) await this.#leave(room);
  }

  room(roomId: string): UntypedRoom | undefined {
    return roomId === this.personalRoom.ownId ? this.personalRoom : this.#rooms.get(roomId);
  }

  sendTyping(roomId: string, isTyping: boolean): void {
    this.#joinedRoom(roomId).sendTyping(isTyping);
  }

  markRead(roomId: string, messageIds: readonly string[]): void {
    this.#joinedRoom(roomId).markRead(messageIds);
  }

  typingUsers(roomId: string): readonly TypingUser[] {
    return this.room(roomId)?.typingUsers ?? NO_USERS;
  }

  // ── Handlers ──────────────────────────────────────────────────────────────────────────────────────────────────

  on(type: string, handler: (event: AnyEvent) => unknown): Unsubscribe {
    return this.#events.on(type, handler);
  }

  onAny(handler: (event: AnyEvent) => unknown): Unsubscribe {
    return this.#events.onAny(handler);
  }

  onTypingChange(handler: (roomId: string, users: readonly TypingUser[]) => unknown): Unsubscribe {
    return this.#typingChange.add(handler);
  }

  onJoin(handler: (roomId: string, result: JoinResult) => unknown): Unsubscribe {
    return this.#joinHandlers.add(handler);
  }

  onResync(handler: (roomId: string, reason: string) => unknown): Unsubscribe {
    return this.#resyncHandlers.add(handler);
  }

  onErased(handler: (roomId: string, eventId: string) => unknown): Unsubscribe {
    return this.#erasedHandlers.add(handler);
  }

  onRemoved(handler: (roomId: string, reason: string) => unknown): Unsubscribe {
    return this.#removedHandlers.add(handler);
  }

  onStateChange(handler: (change: StateChange) => unknown): Unsubscribe {
    return this.#stateChange.add(handler);
  }

  onError(handler: (error: ClientError) => unknown): Unsubscribe {
    return this.#errors.add(handler);
  }

  // ── Called by the connector. The state changes last, because a handler of the state may call any method. ──

  #onOpen(connection: Connection): void {
    const session = new Session(connection, this.#options, this.#errors.report, {
      onJoined: (room, answer, connection, isResync) => this.#onJoined(room, answer, connection, isResync),
      onRefused: (room, error) => {
        // Gateways of earlier builds refuse the room of everybody.
        if (room !== this.everybody) this.#end(room, error);
      },
      onRemoved: (room) => this.#removed(room, 'removed'),
      onSettled: () => this.#setState('live'),
    });
    this.#session = session;
    this.#failure = undefined;
    session.begin(this.#rooms.values());
    this.#refresh = new TokenRefresh(connection, {
      ...this.#options,
      tokens: this.#tokens,
      report: this.#errors.report,
    });
    this.#setState(session.isResyncing ? 'resyncing' : 'live');
  }

  #onLost(cause: Error | undefined): void {
    const before = this.#state;
    this.#endSession();
    // A listener of a load may have closed the client.
    if (this.#state === before) this.#setState('reconnecting', cause);
  }

  #onFailed(cause: Error): void {
    // Reports a failure only if its reason differs from that of the previous attempt.
    if (this.#failure === cause.message) return;
    this.#failure = cause.message;
    const message = `No connection to ${this.#options.url}, trying again: ${cause.message}`;
    this.#errors.report(new ClientError('connection_failed', message, { cause }));
  }

  #onGaveUp(error: ClientError): void {
    this.#ready?.reject(error);
    this.#setState('closed', error);
    this.#linkChanged();
  }

  #endSession(): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    session.end();
    this.#refresh?.end();
    for (const room of this.#rooms.values()) room.connectionLost(this.#isStanding(room));
  }

  #setState(state: ClientState, cause?: Error): void {
    const previous = this.#state;
    if (state === previous) return;
    this.#state = state;
    if (state === 'live') this.#ready?.resolve();
    this.#stateChange.call({ state, previous, ...(cause === undefined ? {} : { cause }) });
  }

  // ── Called by the session ─────────────────────────────────────────────────────────────────────────────────────

  #onJoined(room: UntypedRoom, answer: JoinAnswer, connection: RoomConnection, isResync: boolean): void {
    this.#delivery.release(room);
    // A handler may have left the room, or closed the client.
    if (room.status === 'left' || this.#session === undefined) return;
    const result = room.joinCompleted(answer, connection);
    this.#endTwin(room);
    if (room.status === 'live') this.#joinHandlers.call(room.id, result);
    if (isResync) this.#resync(room, 'not_recovered');
    room.linkChanged();
  }

  /** Ends the room that was joined by another ID of this room: `user:me` has the ID of its user, too. Its handlers would get nothing. */
  #endTwin({ id, ownId }: UntypedRoom): void {
    const twin = this.#rooms.get(ownId);
    if (twin === undefined || twin.id === id) return;
    const message = `Room ${ownId} is ${id}: join ${id}.`;
    this.#end(twin, new ClientError('invalid_argument', message, { roomId: ownId }));
  }

  /** Ends a room that the gateway has closed to this user. */
  #removed(room: UntypedRoom, reason: string): void {
    if (this.#isStanding(room) || room.status === 'left') return;
    const error = new ClientError('refused', `This user was removed from room ${room.id}.`, {
      roomId: room.id,
    });
    this.#end(room, error);
    this.#removedHandlers.call(room.id, reason);
  }

  #resync(room: UntypedRoom, reason: string): void {
    // A handler of the join may have left the room.
    if (room.status === 'left') return;
    room.resync(reason);
    this.#resyncHandlers.call(room.id, reason);
  }

  // ── The rooms ─────────────────────────────────────────────────────────────────────────────────────────────────

  #addRoom(roomId: string, after: string | undefined): UntypedRoom {
    const room = new UntypedRoom(roomId, after, {
      options: this.#options,
      report: this.#errors.report,
      isSelf: (userId) => this.userId !== undefined && userKey(userId) === userKey(this.userId),
      isStopped: () => this.#state === 'idle' || this.#state === 'closed',
      hasReceived: (eventId) => this.#delivery.hasReceived(eventId),
      onTypingChange: ({ id, typingUsers }) => this.#typingChange.call(id, typingUsers),
      leave: (room) => this.#leave(room),
    });
    this.#rooms.set(roomId, room);
    return room;
  }

  async #leave(room: UntypedRoom): Promise<void> {
    if (this.#isStanding(room))
      throw new ClientError('invalid_argument', `The room ${room.id} cannot be left.`);
    if (room.status === 'left') return;
    const receipts = room.takeReceipts();
    this.#forget(room, new ClientError('closed', `Room ${room.id} was left.`, { roomId: room.id }));
    await this.#session?.leave(room, receipts);
  }

  /** True for the rooms in which the gateway puts every connection from the start. */
  #isStanding(room: UntypedRoom): boolean {
    return room === this.personalRoom || room === this.everybody;
  }

  #linkChanged(): void {
    for (const room of this.#rooms.values()) room.linkChanged();
  }

  #forget(room: UntypedRoom, reason: ClientError): void {
    this.#rooms.delete(room.id);
    room.end(reason);
  }

  /** Ends a room that the gateway has left, or refused, for this connection. */
  #end(room: UntypedRoom, error: ClientError): void {
    this.#forget(room, error);
    this.#session?.removed(room);
    this.#errors.report(error);
  }

  #joinedRoom(roomId: string): UntypedRoom {
    const room = this.room(roomId);
    if (room === undefined)
      throw new ClientError('invalid_argument', `Join the room ${roomId} first.`, { roomId });
    return room;
  }

  /**
   * Returns the room of an event. Until the gateway has sent this user's ID, events of any personal room are treated as events of
   * this user's personal room. A new room has no events: those that arrive belong to an earlier join, which the gateway is about to
   * end. Otherwise the room would get these events, and not those between the end of that join and its own join.
   */
  #roomOfEvent(roomId: string): UntypedRoom | undefined {
    const room = this.room(roomId);
    if (room?.isNew === true && !this.#isStanding(room)) return undefined;
    if (room !== undefined) return room;
    if (roomId.startsWith(TENANT_PREFIX)) return this.everybody;
    if (this.userId !== undefined) return undefined;
    return roomId.startsWith(USER_PREFIX) ? this.personalRoom : undefined;
  }
}

/** Returns about 100 random bits as text. `crypto.randomUUID` exists only in pages with https. */
function randomId(): string {
  return Array.from({ length: 4 }, () => Math.random().toString(36).slice(2, 8).padEnd(6, '0')).join('');
}
