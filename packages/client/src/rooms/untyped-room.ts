// One room in the client: the position from which to resume it, the users who are typing, and receipts that wait to be sent.
import { isUuid } from '@millrace/internal';
import { ClientError, type ReportError } from '../client-error.js';
import type { ResolvedClientOptions } from '../client-options.js';
import { deferred } from '../deferred.js';
import type { AnyEvent, JoinAnswer, TypingUser } from '../delivery/events.js';
import { EventHandlers, HandlerSet, type Unsubscribe } from '../delivery/handlers.js';
import { ReorderBuffer } from '../delivery/reorder-buffer.js';
import { TYPING } from '../indicators/indicator-rules.js';
import { ShownUsers } from '../indicators/shown-users.js';
import { TypingThrottle } from '../indicators/typing-throttle.js';
import { resolveLoadOptions } from '../loading/load-options.js';
import type { RoomLink } from '../loading/load-phase.js';
import type { Loader, LoadOptions, RoomLoad } from '../loading/room-load.js';
import { type LoadOfRoom, StateLoader } from '../loading/state-loader.js';
import { MemberList } from '../members/member-list.js';
import type { RoomMembers } from '../members/room-members.js';
import { ReceiptQueue } from './receipt-queue.js';
import type { JoinResult, Room, RoomStatus } from './room.js';

/** The part of a connection that a joined room uses. */
export interface RoomConnection {
  call(method: string, ...args: readonly unknown[]): Promise<unknown>;
  /** Returns the position after which to resume the room if the connection breaks now. */
  position(): string | undefined;
}

/** Dependencies of an {@link UntypedRoom}. */
export interface UntypedRoomDependencies {
  readonly options: ResolvedClientOptions;
  readonly report: ReportError;
  /** True for the client's own user. */
  isSelf(userId: string): boolean;
  /** True if the client is closed, or was never connected. */
  isStopped(): boolean;
  /** True if an event with this ID was delivered lately. */
  readonly hasReceived: (eventId: string) => boolean;
  onTypingChange(room: UntypedRoom): void;
  leave(room: UntypedRoom): Promise<void>;
}

const NO_EVENTS: readonly AnyEvent[] = [];
/** The list of users who are typing while there is none. It is always the same object. */
export const NO_USERS: readonly TypingUser[] = Object.freeze([]);

/** The implementation of {@link Room}, without the static types of its events. */
export class UntypedRoom implements Omit<Room, 'on' | 'onAny' | 'load'> {
  readonly id: string;
  readonly joined: Promise<JoinResult>;
  readonly #dependencies: UntypedRoomDependencies;
  readonly #firstJoin = deferred<JoinResult>();
  readonly #events: EventHandlers;
  readonly #resync: HandlerSet<[reason: string]>;
  readonly #erased: HandlerSet<[eventId: string]>;
  readonly #typingChange: HandlerSet<[users: readonly TypingUser[]]>;
  readonly #indicatorChange: HandlerSet<[indicator: string, users: readonly TypingUser[]]>;
  /** Users whom indicators show, by name of the indicator. */
  readonly #shown = new Map<string, ShownUsers>();
  readonly #throttle: TypingThrottle;
  readonly #receipts: ReceiptQueue;
  /** The loads that were not closed. The application determines their number. */
  readonly #loads = new Set<LoadOfRoom>();
  readonly #members: MemberList;
  #status: RoomStatus = 'joining';
  #ownId: string | undefined;
  /** Set while the room is live. */
  #connection: RoomConnection | undefined;
  #resumeAfter: string | undefined;
  #wasJoined = false;
  /** Set while the order of arriving events is not known yet. */
  #reorderBuffer: ReorderBuffer | undefined;
  /** True if missed events arrive in order, before anything new. */
  #isReplayInOrder = true;

  constructor(id: string, after: string | undefined, dependencies: UntypedRoomDependencies) {
    this.id = id;
    this.#dependencies = dependencies;
    this.#resumeAfter = after;
    this.joined = this.#firstJoin.promise;
    // `onError` reports a refusal to a caller that does not await this promise.
    this.joined.catch(() => {});
    const { options, report } = dependencies;
    this.#events = new EventHandlers(report);
    this.#resync = new HandlerSet(report);
    this.#erased = new HandlerSet(report);
    this.#typingChange = new HandlerSet(report);
    this.#throttle = new TypingThrottle(options.typingRepeatMs);
    this.#indicatorChange = new HandlerSet(report);
    for (const [name, expiryMs] of options.indicators.expiries) {
      const { clock, maxTypingUsers: maxUsers } = options;
      const onChange = (): void => this.#indicatorChanged(name);
      this.#shown.set(name, new ShownUsers({ clock, expiryMs, maxUsers, onChange }));
    }
    this.#members = new MemberList({ ...options, roomId: id, report });
    this.#receipts = new ReceiptQueue({ ...options, roomId: id, maxIds: options.maxReceipts, report });
  }

  // ── For the application ───────────────────────────────────────────────────────────────────────────────────────

  get status(): RoomStatus {
    return this.#status;
  }

  get position(): string | undefined {
    return this.#connection?.position() ?? this.#resumeAfter;
  }

  get typingUsers(): readonly TypingUser[] {
    return this.shownUsers(TYPING);
  }

  shownUsers(indicator: string): readonly TypingUser[] {
    return this.#shown.get(indicator)?.users ?? NO_USERS;
  }

  on(type: string, handler: (event: AnyEvent) => unknown): Unsubscribe {
    return this.#events.on(type, handler);
  }

  onAny(handler: (event: AnyEvent) => unknown): Unsubscribe {
    return this.#events.onAny(handler);
  }

  onResync(handler: (reason: string) => unknown): Unsubscribe {
    return this.#resync.add(handler);
  }

  onErased(handler: (eventId: string) => unknown): Unsubscribe {
    return this.#erased.add(handler);
  }

  onTypingChange(handler: (users: readonly TypingUser[]) => unknown): Unsubscribe {
    return this.#typingChange.add(handler);
  }

  onIndicatorChange(handler: (indicator: string, users: readonly TypingUser[]) => unknown): Unsubscribe {
    return this.#indicatorChange.add(handler);
  }

  sendTyping(isTyping: boolean): void {
    if (this.#connection === undefined) return;
    if (!this.#throttle.accepts(isTyping, this.#dependencies.options.clock.monotonicMs())) return;
    this.#connection
      .call('SendTyping', this.id, isTyping)
      .catch((error: unknown) => this.#typingRefused(error));
  }

  markRead(messageIds: readonly string[]): void {
    if (!Array.isArray(messageIds) || !messageIds.every((id) => typeof id === 'string' && isUuid(id)))
      throw new ClientError('invalid_argument', 'markRead needs a list of UUIDs.');
    if (this.#status !== 'left') this.#receipts.add(messageIds);
  }

  load<S>(loader: Loader<S>, options: LoadOptions<S, AnyEvent> = {}): RoomLoad<S> {
    if (this.#status === 'left')
      throw new ClientError('closed', `Room ${this.id} was left.`, { roomId: this.id });
    if (typeof loader !== 'function') throw new ClientError('invalid_argument', 'load needs a function.');
    const { options: clientOptions, report, hasReceived } = this.#dependencies;
    const load: StateLoader<S> = new StateLoader(loader, resolveLoadOptions(options), {
      roomId: this.id,
      options: clientOptions,
      report,
      hasReceived,
      link: this.#link(),
      position: () => this.position,
      onEnd: () => this.#loads.delete(load),
    });
    this.#loads.add(load);
    load.begin();
    return load;
  }

  get members(): RoomMembers {
    return this.#members.members;
  }

  onMembers(handler: (members: RoomMembers) => unknown): Unsubscribe {
    return this.#members.onMembers(handler);
  }

  setPresence(state: unknown): void {
    this.#members.setPresence(state);
  }

  leave(): Promise<void> {
    return this.#dependencies.leave(this);
  }

  // ── For the client ────────────────────────────────────────────────────────────────────────────────────────────

  /** The room's ID in events. Before the gateway has answered the join, it is the ID that was given to `join`. */
  get ownId(): string {
    return this.#ownId ?? this.id;
  }

  /** True if the room was live before. A refusal is then not final. */
  get wasJoined(): boolean {
    return this.#wasJoined;
  }

  /** True until the first join is answered, unless that join asks for missed events. */
  get isNew(): boolean {
    return !this.#wasJoined && this.#resumeAfter === undefined;
  }

  /** The position that the next join sends. */
  get resumeAfter(): string | undefined {
    return this.#resumeAfter;
  }

  /**
   * Records that the gateway has sent the room's missed events up to this position. The join has not
   * completed yet.
   */
  replayedUpTo(position: string): void {
    if (this.#isReplayInOrder) this.#resumeAfter = position;
  }

  /** Holds an event whose order is not known yet. Returns false if the event must be delivered now. */
  hold(event: AnyEvent): boolean {
    if (
      this.#reorderBuffer === undefined ||
      this.#reorderBuffer.size >= this.#dependencies.options.maxHeldEvents
    )
      return false;
    this.#reorderBuffer.add(event);
    return true;
  }

  /** Returns the held events in order, and stops holding events. */
  release(): readonly AnyEvent[] {
    const events = this.#reorderBuffer?.takeAll() ?? NO_EVENTS;
    this.#reorderBuffer = undefined;
    return events;
  }

  deliver(event: AnyEvent): void {
    this.#events.call(event);
    if (this.#dependencies.options.indicators.isIndicator(event.event_type)) return;
    for (const load of this.#loads) load.onEvent(event);
  }

  /** Receives the argument of a `presence` message. */
  observePresence(argument: unknown): void {
    this.#members.receive(argument);
  }

  /** Updates the indicators from an event that shows or ends an indicator, such as a user's typing. */
  observeIndicator({ event_type: type, payload }: AnyEvent): void {
    const change = this.#dependencies.options.indicators.read(type, payload);
    if (change === undefined) return;
    const { name, userId, shown, isEndedByOtherType } = change;
    const isSelf = this.#dependencies.isSelf(userId);
    if (shown === undefined) this.#shown.get(name)?.stop(userId);
    else if (!isSelf) this.#shown.get(name)?.start(shown);
    // The message ended this user's own indicator for the other users.
    if (isEndedByOtherType && isSelf && name === TYPING) this.#throttle.reset();
  }

  resync(reason: string): void {
    this.#resync.call(reason);
    for (const load of this.#loads) load.eventsLost();
  }

  /** Called when the room was joined or its connection was lost, and when the client starts or stops connecting. */
  linkChanged(): void {
    for (const load of this.#loads) load.linkChanged(this.#link());
  }

  /** Drops an erased event that is held, and calls the handlers. The loads drop what they hold, and load again. */
  erased(eventId: string): void {
    this.#reorderBuffer?.delete(eventId);
    this.#erased.call(eventId);
    for (const load of this.#loads) load.eventsLost();
  }

  /** Records that the gateway has answered the join. All later events of the room are new events. */
  joinCompleted(answer: JoinAnswer, connection: RoomConnection): JoinResult {
    this.#status = 'live';
    this.#connection = connection;
    this.#ownId = answer.roomId;
    const othersIn = (users: readonly TypingUser[] = NO_USERS): readonly TypingUser[] =>
      users.filter(({ user_id }) => !this.#dependencies.isSelf(user_id));
    const typing = othersIn(answer.typing);
    const { roomId, recovered, replayed, position } = answer;
    const result = { roomId, recovered, replayed, typing, position, isRejoin: this.#wasJoined };
    this.#wasJoined = true;
    this.#firstJoin.resolve(result);
    this.#receipts.open((messageIds) => connection.call('MarkRead', this.id, messageIds));
    this.#members.open(connection.call);
    // The indicators come last, because their handlers may leave the room.
    for (const [name, shown] of this.#shown)
      shown.replace(name === TYPING ? typing : othersIn(answer.indicators[name]));
    return result;
  }

  /** Records that the connection is lost. With `holdsEvents`, events are held until the next join completes. */
  connectionLost(holdsEvents: boolean): void {
    this.#resumeAfter = this.#connection?.position() ?? this.#resumeAfter;
    this.#connection = undefined;
    this.#status = 'joining';
    this.#throttle.reset();
    this.#members.close();
    this.#receipts.close();
    // Drops the held events. The next join replays them, because their positions were not used.
    this.#reorderBuffer = holdsEvents && this.#resumeAfter !== undefined ? new ReorderBuffer() : undefined;
    this.#isReplayInOrder = !holdsEvents;
    this.linkChanged();
  }

  /** Ends the room. `reason` rejects the first join if it has not completed. */
  end(reason: ClientError): void {
    this.#status = 'left';
    this.#connection = undefined;
    this.#firstJoin.reject(reason);
    this.#receipts.close();
    this.#receipts.takeAll();
    for (const shown of this.#shown.values()) shown.replace(NO_USERS);
    for (const load of this.#loads) load.roomEnded(reason);
    this.#members.end();
  }

  /** Removes and returns the receipts that were not sent yet. */
  takeReceipts(): readonly string[] {
    return this.#receipts.takeAll();
  }

  #link(): RoomLink {
    if (this.#status === 'live') return 'joined';
    return this.#dependencies.isStopped() ? 'stopped' : 'seeking';
  }

  #indicatorChanged(name: string): void {
    const users = this.shownUsers(name);
    this.#indicatorChange.call(name, users);
    if (name !== TYPING) return;
    this.#typingChange.call(users);
    this.#dependencies.onTypingChange(this);
  }

  #typingRefused(error: unknown): void {
    // Any other error means that the connection was lost. A typing call that is lost with it is not reported.
    if (!(error instanceof ClientError)) return;
    this.#throttle.reset();
    const message = `Typing was not sent: ${error.message}`;
    this.#dependencies.report(new ClientError('refused', message, { roomId: this.id, cause: error }));
  }
}
