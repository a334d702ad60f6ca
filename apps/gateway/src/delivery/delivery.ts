// From the broker to the rooms: membership, routing, replay and typing in one place. The gateway gives it a broker and
// a hub; everything an event meets between the two is composed here.
import { randomUUID } from 'node:crypto';
import {
  type Broker,
  type CancelTimer,
  compareEntryIds,
  createMember,
  type Entry,
  type EntryId,
  FIRST_ENTRY_ID,
  type Member,
  pause,
  previousEntryId,
  type StreamPosition,
  type StreamStart,
  type StreamTrouble,
  systemClock,
} from '@millrace/broker';
import type { ReceivedEvent } from '@millrace/contract';
import { type Hub, JsonText } from '@millrace/signalr';
import type { Logger } from '../logger.js';
import type { Metrics } from '../metrics.js';
import { createRouterObserver } from '../observers.js';
import type { ResolvedGatewayOptions } from '../options.js';
import { Replay } from '../replay/replay.js';
import { ReplayRounds } from '../replay/replay-rounds.js';
import { eventText } from './event-text.js';
import type { EventsClient } from './events-client.js';
import { appendedAtMs } from './freshness.js';
import { KnownTypes } from './known-types.js';
import { Laggards } from './laggards.js';
import { Losses, type LossReason, NO_PLACE, untoldGroup } from './losses.js';
import { QuietConnections } from './quiet-connections.js';
import { recallRecentEntries } from './recent-entries.js';
import { repeat } from './repeat.js';
import { RoomPositions } from './room-positions.js';
import { Router } from './router.js';
import { observeTyping } from './typing-events.js';
import { type TypingUser, TypingUsers } from './typing-users.js';
import { userKey } from './user-key.js';

// Rooms with a typist at one time; beyond it the one that is longest without news is forgotten.
const maxTypingRooms = 10_000;
// Types of other gateways that are logged by name.
const maxForeignTypes = 100;
// Between two looks at the cursors while somebody waits for them: as long as an event takes.
const cursorCheckMs = 2;

/** What delivery is made of. */
export interface DeliveryParts {
  readonly options: ResolvedGatewayOptions;
  readonly broker: Broker;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** The hub whose groups are the rooms. Asked for when the first event comes, so that the hub may need the delivery. */
  hub(): Hub<EventsClient>;
}

/** Entries that left a stream unread. */
interface Loss {
  readonly reason: LossReason;
  /** The stream's place in positions that do not hide it. */
  readonly before: StreamPosition;
  /** From here on everything is known. */
  readonly from: EntryId;
}

/** See the file's comment. Started once, stopped once. */
export class Delivery {
  readonly #parts: DeliveryParts;
  readonly #member: Member;
  readonly #router: Router;
  /** What clients that were away or too slow are sent. */
  readonly replay: Replay;
  /** Members that it is being sent to. */
  readonly laggards = new Laggards();
  /** Connections that have not been told of a loss yet. */
  readonly losses = new Losses({ clock: systemClock, random: Math.random });
  /** Counts clients whose connection ends right after a replay. */
  readonly rounds: ReplayRounds;
  readonly #typingUsers: TypingUsers;
  readonly #positions: RoomPositions;
  readonly #knownTypes: KnownTypes;
  /** Types of other gateways that were logged; at most `maxForeignTypes`. */
  readonly #foreignTypes = new Set<string>();
  readonly #quietConnections = new QuietConnections();
  /** The position that quiet connections were told last. */
  #toldPosition = '';
  #cancelTidy: CancelTimer = () => {};

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#typingUsers = new TypingUsers({ expiryMs: parts.options.typingExpiryMs, maxRooms: maxTypingRooms });
    this.#member = this.#createMember();
    this.#knownTypes = new KnownTypes({
      broker: parts.broker,
      clock: systemClock,
      name: this.#member.name,
      types: parts.options.catalog.eventTypes.map(({ name }) => name),
    });
    this.#positions = new RoomPositions(parts.broker, () => this.#member);
    this.replay = this.#createReplay();
    this.rounds = new ReplayRounds({
      counters: parts.broker.counters,
      clock: systemClock,
      givenUp: ({ roomId, firstEventId }) => {
        parts.metrics.replaysGivenUp.inc();
        parts.logger.warn(
          { roomId, eventId: firstEventId },
          'a client ends whenever it is replayed this event',
        );
      },
    });
    this.#router = this.#createRouter();
  }

  /** Whether everything is read that was published. */
  get isCaughtUp(): boolean {
    return this.#member.isCaughtUp;
  }

  /** The streams in trouble, each with its kind and cause. */
  get troubles(): readonly StreamTrouble[] {
    return this.#member.troubles;
  }

  /**
   * Registers at the broker, recalls the last minutes and begins to read.
   *
   * @throws BrokerError when the broker refuses
   */
  async start(): Promise<void> {
    // Before anything is read: what others would reject from now on is ours to deliver.
    await this.#knownTypes.start();
    await this.#member.start();
    this.#cancelTidy = repeat(systemClock, this.#parts.options.positionIntervalMs, () => this.#tidy());
  }

  /**
   * Resolves when everything that is in the streams by now was handed to the members here, or `signal` fires.
   */
  async reachEnd(signal: AbortSignal): Promise<void> {
    const { broker } = this.#parts;
    // A stream that the broker refuses has no end that could be reached.
    const looks = await Promise.allSettled(
      broker.partitioning.streams.map(({ name }) => broker.inspect(name)),
    );
    const ends = looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []));
    const isBehind = (): boolean =>
      ends.some(({ stream, lastId }) => compareEntryIds(this.#member.cursor(stream) ?? lastId, lastId) < 0);
    while (isBehind() && !signal.aborted) await pause(systemClock, cursorCheckMs, signal);
  }

  /** Stops reading and gives back what the broker holds for this gateway. Never rejects. */
  async stop(): Promise<void> {
    this.#cancelTidy();
    this.losses.stop();
    this.#router.flush();
    await this.#member.stop();
    await this.#knownTypes.stop();
  }

  /** Position of a client that has been sent everything of this room handled so far. */
  currentPosition(roomId: string): string {
    return this.#positions.ofRoom(roomId);
  }

  /** The same for a client of any rooms. */
  positionOfEveryRoom(): string {
    return this.#positions.ofEveryRoom();
  }

  /** Who is typing in a room now. */
  typingIn(roomId: string): readonly TypingUser[] {
    return this.#typingUsers.list(roomId, systemClock.monotonicMs());
  }

  /** Brings the figures about replay, and about what waits for clients, up to date. */
  observe(): void {
    this.#parts.metrics.waitingBytes.set(this.#parts.hub().connections.waitingBytes);
    const nowMs = this.#member.brokerTimeMs();
    const { ring } = this.replay;
    ring.evict(nowMs);
    for (const { name } of this.#parts.broker.partitioning.streams) {
      this.#parts.metrics.replayWindow.set({ stream: name }, ring.coveredMs(name, nowMs) / 1000);
    }
  }

  #createMember(): Member {
    const { broker, logger, metrics, options } = this.#parts;
    return createMember(broker, {
      // Two processes with one name would acknowledge for each other: a restart must not be taken for the one before it.
      name: `${options.instance}#${randomUUID().slice(0, 8)}`,
      instance: options.instance,
      warmUp: (starts) => this.#warmUp(starts),
      onEntry: (stream, entry) => this.#router.route(stream, entry),
      // Called before anything from behind the gap is sent: who is not told yet keeps the place before it.
      onOvertaken: (stream, firstId) => {
        const before = this.#positions.currentOf(stream) ?? NO_PLACE;
        this.#loseTrack(stream, { reason: 'gap', before, from: previousEntryId(firstId) });
      },
      onGap: (stream, lost, isKnown) => {
        metrics.gaps.inc({ stream }, lost);
        metrics.dropped.inc({ reason: 'expired' }, lost);
        logger.error({ stream, lost }, 'entries left the stream before they were read');
        // Positions that hide it are out already: nobody is to come back with one of those.
        if (isKnown) return;
        const from = this.#member.cursor(stream) ?? FIRST_ENTRY_ID;
        this.#loseTrack(stream, { reason: 'gap', before: NO_PLACE, from });
        this.#pinUntold();
      },
      onReset: (stream, lastId) => {
        logger.warn({ stream }, 'the stream was lost or went back; reading it from its beginning');
        // What is there already is left to the stream: of what is read again, only what nobody has seen comes by.
        this.#loseTrack(stream, { reason: 'reset', before: NO_PLACE, from: lastId });
      },
      onTrouble: ({ stream, kind, message }) => {
        metrics.streamTrouble.set({ stream, kind }, 1);
        logger[kind === 'ahead' ? 'warn' : 'error'](
          { stream, trouble: kind, reason: message },
          'stream in trouble',
        );
      },
      onTroubleOver: (stream, kind) => {
        metrics.streamTrouble.set({ stream, kind }, 0);
        logger.info({ stream, trouble: kind }, 'stream in order again');
      },
      onMove: (stream) => logger.info({ stream }, 'another server has the stream; nothing was lost'),
      onTrim: (stream, { expired }) => {
        if (expired === 0) return;
        metrics.dropped.inc({ reason: 'expired' }, expired);
        // Whoever had not read them finds a gap, and tells its clients.
        logger.error({ stream, expired }, 'entries were cut from the stream before everybody had read them');
      },
      onAdvance: (streams) => this.replay.reached.advanced(streams),
      onHeartbeat: (stream) => this.replay.reached.heard(stream),
      onStateChange: (state, cause) =>
        logger.info({ state, ...(cause === undefined ? {} : { reason: cause.message }) }, 'member state'),
      onError: (error, source) => logger.error({ source, reason: error.message }, 'member error'),
    });
  }

  #createReplay(): Replay {
    const { broker, options } = this.#parts;
    return new Replay(
      {
        catalog: options.catalog,
        windowMs: options.replayWindowMs,
        maxRingBytes: options.maxReplayBytes,
        maxEventsPerRoom: options.maxReplayEventsPerRoom,
        maxBytesPerRoom: options.maxReplayBytesPerRoom,
      },
      broker,
      this.#positions,
    );
  }

  #createRouter(): Router {
    return new Router(this.#parts.options, {
      brokerTimeMs: () => this.#member.brokerTimeMs(),
      positionAt: (roomId) => this.#positions.ofRoom(roomId),
      belongs: (roomId, stream) => this.#positions.belongs(roomId, stream),
      remember: (stream, entry, received, createText) => {
        const atMs = appendedAtMs(entry, this.#member.brokerTimeMs());
        this.replay.remember(stream, entry.id, received, createText, atMs);
      },
      send: (received, createText) => this.#send(received, createText),
      reject: (stream, entry, reason, unknownType) => {
        if (unknownType === undefined) this.#reject(stream, entry, reason);
        else void this.#rejectUnlessKnown(stream, entry, reason, unknownType);
      },
      clock: systemClock,
      observer: createRouterObserver(this.#parts.metrics, this.#parts.logger),
    });
  }

  #send(received: ReceivedEvent, createText: () => string): number {
    const { room_id: roomId, event_type: eventType } = received.event;
    const typist = observeTyping(received, this.#typingUsers, systemClock.monotonicMs());
    if (received.declaration.replay.mode === 'none') this.#countShed(this.laggards.countIn(roomId));
    const { clients, groups } = this.#parts.hub();
    const untold = this.losses.isEmpty ? 0 : groups.count(untoldGroup(roomId));
    // Most gateways host no member of most rooms: nothing is encoded for them.
    if (groups.count(roomId) + untold === 0) return 0;
    this.#quietConnections.noteSend(roomId);
    const key = latestKeyOf(received);
    const sendTo = (group: string, text: string): number => {
      // The hub knows users by their keys; see `authenticateByToken`.
      const all =
        typist === undefined ? clients.group(group) : clients.groupExceptUser(group, userKey(typist));
      return (key === undefined ? all : all.latest(key)).send(eventType, new JsonText(text));
    };
    const sent = groups.count(roomId) === 0 ? 0 : sendTo(roomId, createText());
    // Last: whoever is told in the middle of it is in the room's own group from there on.
    return untold === 0 ? sent : sent + sendTo(untoldGroup(roomId), this.#untoldText(received));
  }

  /** The event for those who were not told of a loss yet: its position does not hide it. */
  #untoldText(received: ReceivedEvent): string {
    const placeOf = (stream: string) => this.losses.placeBefore(stream);
    return eventText(received, this.#positions.ofRoomAt(received.event.room_id, placeOf));
  }

  /** Sends members a position that does not hide the loss when theirs does; their `resync` follows later. */
  #pinUntold(): void {
    const position = this.#positions.ofEveryRoomAt((stream) => this.losses.placeBefore(stream));
    this.#parts.hub().clients.clients(this.losses.untold).send('position', { position });
  }

  /** What is not replayed is missed by members that are behind; when they are up to date they are told how things stand. */
  #countShed(recipients: number): void {
    if (recipients > 0) this.#parts.metrics.dropped.inc({ reason: 'shed' }, recipients);
  }

  /** A type that another live gateway knows is delivered there; this one has nobody who could be sent it. */
  async #rejectUnlessKnown(stream: string, entry: Entry, reason: string, type: string): Promise<void> {
    const { logger, metrics } = this.#parts;
    // A broker that cannot be asked takes no dead letter either, and that is logged.
    const isKnown = await this.#knownTypes.isKnown(type).catch(() => false);
    if (!isKnown) return this.#reject(stream, entry, reason);
    metrics.dropped.inc({ reason: 'unknown_type' });
    if (this.#foreignTypes.has(type) || this.#foreignTypes.size >= maxForeignTypes) return;
    this.#foreignTypes.add(type);
    logger.warn(
      { stream, eventType: type },
      'another gateway knows this event type and this one does not: its clients are not sent it until this gateway is updated',
    );
  }

  #reject(stream: string, entry: Entry, reason: string): void {
    const { broker, logger, metrics, options } = this.#parts;
    metrics.dropped.inc({ reason: 'invalid' });
    broker.deadLetter({ stream, entry, reason, rejectedBy: options.instance }).then(
      (isFirst) => {
        if (isFirst) logger.warn({ stream, entryId: entry.id, reason }, 'dead letter');
      },
      (error: unknown) => logger.error({ err: error, stream, entryId: entry.id }, 'dead letter not stored'),
    );
  }

  async #warmUp(starts: readonly StreamStart[]): Promise<void> {
    const { broker, options } = this.#parts;
    // A stream that the broker refuses has nothing that could be missed of it.
    for (const { name } of broker.partitioning.streams)
      if (this.replay.ring.floor(name) === undefined) this.replay.ring.begin(name, FIRST_ENTRY_ID);
    await recallRecentEntries(broker, starts, {
      windowMs: Math.max(options.dedupeWindowMs, options.replayWindowMs),
      maxEntries: options.maxWarmUpEntries,
      begin: (stream, floor) => this.replay.ring.begin(stream, floor),
      recall: (stream, entry, placeOf) =>
        this.#router.recall(stream, entry, (roomId) => this.#positions.at(roomId, placeOf)),
    });
  }

  /**
   * What cannot be replayed any more: who is in a room whose events may have stood there, and who comes back to one, must load it
   * from elsewhere. Which rooms the lost entries were for went with them.
   */
  #loseTrack(stream: string, { reason, before, from }: Loss): void {
    this.replay.ring.begin(stream, from);
    this.losses.note(stream, before, reason, (roomId) => this.#positions.belongs(roomId, stream));
  }

  /** Once an interval: lets go of what is too old to be replayed, and keeps quiet connections' positions fresh. */
  #tidy(): void {
    this.replay.evict(this.#member.brokerTimeMs());
    const position = this.#positions.ofEveryRoom();
    if (position === this.#toldPosition) return;
    this.#toldPosition = position;
    const { clients, connections } = this.#parts.hub();
    const upToDate = this.#quietConnections
      .take(connections)
      .filter((id) => !this.laggards.has(id) && !this.losses.isUntold(id));
    clients.clients(upToDate).send('position', { position });
  }
}

/** What is coalesced on its way is coalesced for a slow client too: of each user the newest. A room ID holds no line break. */
function latestKeyOf({ event, declaration }: ReceivedEvent): string | undefined {
  const { coalescing } = declaration;
  if (coalescing === undefined) return undefined;
  const key = coalescing.key(event.payload);
  if (key === undefined) return undefined;
  return `${event.room_id}\n${coalescing.slot}\n${key}`;
}
