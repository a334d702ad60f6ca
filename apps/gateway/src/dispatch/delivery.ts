// From the broker to the hub: the member that reads the streams, and what is done with what it reads, from start to stop.

import { randomUUID } from 'node:crypto';
import {
  type Broker,
  compareEntryIds,
  createMember,
  FIRST_ENTRY_ID,
  type Member,
  type StreamStart,
  type StreamTrouble,
} from '@millrace/broker';
import { type CancelTimer, pause, systemClock } from '@millrace/internal';
import type { Hub } from '@millrace/signalr';
import type { EventsClient } from '../hub/events-client.js';
import { repeat } from '../repeating-timer.js';
import { recallRecentEntries } from '../replay/warm-up.js';
import { RoomSender } from '../rooms/room-sender.js';
import type { Rooms } from '../rooms/rooms.js';
import { StreamLosses } from '../rooms/stream-losses.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { createMemberObserver, createRouterObserver } from '../telemetry/observers.js';
import { Router } from './dispatcher.js';
import { Rejections } from './rejections.js';

// Between two looks at the cursors while somebody waits for them: as long as an event takes.
const cursorCheckMs = 2;

/** What delivery is made of. */
export interface DeliveryParts {
  readonly options: ResolvedGatewayOptions;
  readonly broker: Broker;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** They follow the member of this delivery. */
  readonly rooms: Rooms;
  /** The hub whose groups are the rooms. */
  readonly hub: Hub<EventsClient>;
}

/** See the file's comment. Started once, stopped once. */
export class Delivery {
  readonly #parts: DeliveryParts;
  readonly #rejections: Rejections;
  readonly #sender: RoomSender;
  readonly #router: Router;
  readonly #member: Member;
  #cancelTidy: CancelTimer = () => {};

  constructor(parts: DeliveryParts) {
    const { options, metrics, logger, rooms } = parts;
    this.#parts = parts;
    // Two processes with one name would acknowledge for each other: a restart must not be taken for the one before it.
    const name = `${options.instance}#${randomUUID().slice(0, 8)}`;
    this.#rejections = new Rejections({ ...parts, name });
    this.#sender = new RoomSender(parts);
    this.#router = new Router(options, {
      rooms,
      sender: this.#sender,
      rejections: this.#rejections,
      clock: systemClock,
      observer: createRouterObserver(metrics, logger),
    });
    this.#member = this.#createMember(name);
    rooms.follow(this.#member);
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
    await this.#rejections.start();
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
    this.#parts.rooms.losses.stop();
    this.#router.flush();
    await this.#member.stop();
    await this.#rejections.stop();
  }

  /** Brings the figures about replay, and about what waits for clients, up to date. */
  observe(): void {
    const { broker, hub, metrics, rooms } = this.#parts;
    metrics.waitingBytes.set(hub.connections.waitingBytes);
    const nowMs = rooms.brokerTimeMs();
    const { ring } = rooms.replay;
    ring.evict(nowMs);
    for (const { name } of broker.partitioning.streams)
      metrics.replayWindow.set({ stream: name }, ring.coveredMs(name, nowMs) / 1000);
  }

  #createMember(name: string): Member {
    const { broker, options, metrics, logger, rooms } = this.#parts;
    const losses = new StreamLosses(this.#parts);
    return createMember(broker, {
      name,
      instance: options.instance,
      warmUp: (starts) => this.#warmUp(starts),
      onEntry: (stream, entry) => this.#router.route(stream, entry),
      onOvertaken: (stream, firstId) => losses.overtaken(stream, firstId),
      onGap: (stream, lost, isKnown) => losses.gap(stream, lost, isKnown),
      onReset: (stream, lastId) => losses.reset(stream, lastId),
      onAdvance: (streams) => rooms.replay.reached.advanced(streams),
      onHeartbeat: (stream) => rooms.replay.reached.heard(stream),
      ...createMemberObserver(metrics, logger),
    });
  }

  async #warmUp(starts: readonly StreamStart[]): Promise<void> {
    const { broker, options, rooms } = this.#parts;
    const { ring } = rooms.replay;
    // A stream that the broker refuses has nothing that could be missed of it.
    for (const { name } of broker.partitioning.streams)
      if (ring.floor(name) === undefined) ring.begin(name, FIRST_ENTRY_ID);
    await recallRecentEntries(broker, starts, {
      windowMs: Math.max(options.dedupeWindowMs, options.replayWindowMs),
      maxEntries: options.maxWarmUpEntries,
      begin: (stream, floor) => ring.begin(stream, floor),
      recall: (stream, entry, placeOf) => this.#router.recall(stream, entry, placeOf),
    });
  }

  /** Once an interval: lets go of what is too old to be replayed, and keeps quiet connections' positions fresh. */
  #tidy(): void {
    const { rooms } = this.#parts;
    rooms.replay.evict(rooms.brokerTimeMs());
    this.#sender.tellPositions();
  }
}
