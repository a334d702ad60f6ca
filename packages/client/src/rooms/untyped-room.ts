// A room's state in the client: where to resume it, who types in it, what waits to be sent to it.
import { ClientError, type ReportError } from '../client-error.js';
import type { ResolvedClientOptions } from '../client-options.js';
import { deferred } from '../deferred.js';
import type { AnyEvent, JoinAnswer, TypingUser } from '../delivery/events.js';
import { EventHandlers, HandlerSet, type Unsubscribe } from '../delivery/handlers.js';
import { ReorderBuffer } from '../delivery/reorder-buffer.js';
import { TYPING } from '../indicators/indicator-rules.js';
import { ShownUsers } from '../indicators/shown-users.js';
import { TypingThrottle } from '../indicators/typing-throttle.js';
import { ReceiptQueue } from './receipt-queue.js';
import type { JoinResult, Room, RoomStatus } from './room.js';

/** What a joined room can do with the connection it is joined on. */
export interface RoomConnection {
  call(method: string, ...args: readonly unknown[]): Promise<unknown>;
  /** Where to resume the room, should the connection break now. */
  position(): string | undefined;
}

/** What a {@link UntypedRoom} needs of the client. */
export interface UntypedRoomDependencies {
  readonly options: ResolvedClientOptions;
  readonly report: ReportError;
  /** Whether this is the client's own user. */
  isSelf(userId: string): boolean;
  onTypingChange(room: UntypedRoom): void;
  leave(room: UntypedRoom): Promise<void>;
}

const NONE: readonly AnyEvent[] = [];
const NOBODY: readonly TypingUser[] = Object.freeze([]);
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** One room. The static types of its events do not matter in here. */
export class UntypedRoom implements Omit<Room, 'on' | 'onAny'> {
  readonly id: string;
  readonly joined: Promise<JoinResult>;
  readonly #dependencies: UntypedRoomDependencies;
  readonly #firstJoin = deferred<JoinResult>();
  readonly #events: EventHandlers;
  readonly #resync: HandlerSet<[reason: string]>;
  readonly #typingChange: HandlerSet<[users: readonly TypingUser[]]>;
  readonly #indicatorChange: HandlerSet<[indicator: string, users: readonly TypingUser[]]>;
  /** Users whom indicators show, by name of the indicator. */
  readonly #shown = new Map<string, ShownUsers>();
  readonly #throttle: TypingThrottle;
  readonly #receipts: ReceiptQueue;
  #status: RoomStatus = 'joining';
  #ownId: string | undefined;
  /** Set while the room is live. */
  #connection: RoomConnection | undefined;
  #resumeAfter: string | undefined;
  #wasJoined = false;
  /** Set while the order of what arrives is not known yet. */
  #hold: ReorderBuffer | undefined;
  /** True when missed events come in order, and nothing new before them. */
  #isReplayInOrder = true;

  constructor(id: string, after: string | undefined, dependencies: UntypedRoomDependencies) {
    this.id = id;
    this.#dependencies = dependencies;
    this.#resumeAfter = after;
    this.joined = this.#firstJoin.promise;
    // Whoever does not await it is told through `onError`.
    this.joined.catch(() => {});
    const { options, report } = dependencies;
    this.#events = new EventHandlers(report);
    this.#resync = new HandlerSet(report);
    this.#typingChange = new HandlerSet(report);
    this.#throttle = new TypingThrottle(options.typingRepeatMs);
    this.#indicatorChange = new HandlerSet(report);
    for (const [name, expiryMs] of options.indicators.expiries) {
      const { clock, maxTypingUsers: maxUsers } = options;
      const onChange = (): void => this.#indicatorChanged(name);
      this.#shown.set(name, new ShownUsers({ clock, expiryMs, maxUsers, onChange }));
    }
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
    return this.#shown.get(indicator)?.users ?? NOBODY;
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
    if (!Array.isArray(messageIds) || !messageIds.every((id) => typeof id === 'string' && UUID.test(id)))
      throw new ClientError('invalid_argument', 'markRead takes a list of message IDs, which are UUIDs.');
    if (this.#status !== 'left') this.#receipts.add(messageIds);
  }

  leave(): Promise<void> {
    return this.#dependencies.leave(this);
  }

  // ── For the client ────────────────────────────────────────────────────────────────────────────────────────────

  /** The room's ID on events; the given one until the gateway has told. */
  get ownId(): string {
    return this.#ownId ?? this.id;
  }

  /** Whether it has been live before: a refusal is not final then. */
  get wasJoined(): boolean {
    return this.#wasJoined;
  }

  /** Which position the next join gives. */
  get resumeAfter(): string | undefined {
    return this.#resumeAfter;
  }

  /** The room was sent what it missed up to there; its join has not completed. */
  replayedUpTo(position: string): void {
    if (this.#isReplayInOrder) this.#resumeAfter = position;
  }

  /** Whether an event has to wait for the order to be known. */
  hold(event: AnyEvent): boolean {
    if (this.#hold === undefined || this.#hold.size >= this.#dependencies.options.maxHeldEvents) return false;
    this.#hold.add(event);
    return true;
  }

  /** What was held, in order; from now on nothing is. */
  release(): readonly AnyEvent[] {
    const events = this.#hold?.takeAll() ?? NONE;
    this.#hold = undefined;
    return events;
  }

  deliver(event: AnyEvent): void {
    this.#events.call(event);
  }

  /** Takes notice of an event that shows an indicator or ends it, as somebody's typing. */
  observeIndicator({ event_type: type, payload }: AnyEvent): void {
    const news = this.#dependencies.options.indicators.read(type, payload);
    if (news === undefined) return;
    const { name, userId, shown, isEndedByOtherType } = news;
    const isSelf = this.#dependencies.isSelf(userId);
    if (shown === undefined) this.#shown.get(name)?.stop(userId);
    else if (!isSelf) this.#shown.get(name)?.start(shown);
    // The message ended this user's own indicator at the others.
    if (isEndedByOtherType && isSelf && name === TYPING) this.#throttle.reset();
  }

  resync(reason: string): void {
    this.#resync.call(reason);
  }

  /** The gateway has answered the join: from now on events are live. */
  joinCompleted(answer: JoinAnswer, connection: RoomConnection): JoinResult {
    this.#status = 'live';
    this.#connection = connection;
    this.#ownId = answer.roomId;
    const othersIn = (users: readonly TypingUser[] = NOBODY): readonly TypingUser[] =>
      users.filter(({ user_id }) => !this.#dependencies.isSelf(user_id));
    const typing = othersIn(answer.typing);
    for (const [name, shown] of this.#shown)
      shown.replace(name === TYPING ? typing : othersIn(answer.indicators[name]));
    const { roomId, recovered, replayed, position } = answer;
    const result = { roomId, recovered, replayed, typing, position, isRejoin: this.#wasJoined };
    this.#wasJoined = true;
    this.#firstJoin.resolve(result);
    this.#receipts.open((messageIds) => connection.call('MarkRead', this.id, messageIds));
    return result;
  }

  /** The connection is gone. `holdsEvents`: what comes before the next join completes is held. */
  connectionLost(holdsEvents: boolean): void {
    this.#resumeAfter = this.#connection?.position() ?? this.#resumeAfter;
    this.#connection = undefined;
    this.#status = 'joining';
    this.#throttle.reset();
    this.#receipts.close();
    // What is held is not handled, and its position not taken: it will be replayed.
    this.#hold = holdsEvents && this.#resumeAfter !== undefined ? new ReorderBuffer() : undefined;
    this.#isReplayInOrder = !holdsEvents;
  }

  /** It is over, for the reason given to whoever still waits for the first join. */
  end(reason: ClientError): void {
    this.#status = 'left';
    this.#connection = undefined;
    this.#firstJoin.reject(reason);
    this.#receipts.close();
    this.#receipts.takeAll();
    for (const shown of this.#shown.values()) shown.replace(NOBODY);
  }

  /** Receipts not sent yet, for whoever can still send them. */
  takeReceipts(): readonly string[] {
    return this.#receipts.takeAll();
  }

  #indicatorChanged(name: string): void {
    const users = this.shownUsers(name);
    this.#indicatorChange.call(name, users);
    if (name !== TYPING) return;
    this.#typingChange.call(users);
    this.#dependencies.onTypingChange(this);
  }

  #typingRefused(error: unknown): void {
    // Cut off by the end of the connection: typing is not worth a word.
    if (!(error instanceof ClientError)) return;
    this.#throttle.reset();
    const message = `Typing was not sent: ${error.message}`;
    this.#dependencies.report(new ClientError('refused', message, { roomId: this.id, cause: error }));
  }
}
