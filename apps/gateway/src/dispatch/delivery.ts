// Delivers events from the broker to the hub while the gateway runs. The subscriber reads entries from the streams, and the
// dispatcher handles them.
import { randomUUID } from 'node:crypto';
import {
  type Broker,
  compareEntryIds,
  createSubscriber,
  FIRST_ENTRY_ID,
  type StreamStart,
  type StreamTrouble,
  type Subscriber,
} from '@millrace/broker';
import { type CancelTimer, pause, systemClock } from '@millrace/internal';
import type { Hub } from '@millrace/signalr';
import { Erasures } from '../erasure/erasures.js';
import type { EventsClient } from '../hub/events-client.js';
import type { Intake } from '../intake/intake.js';
import { MembershipControls } from '../membership/membership-controls.js';
import type { RevocationSync } from '../membership/revocation-sync.js';
import { startRepeatingTimer } from '../repeating-timer.js';
import { warmUpFromStreams } from '../replay/warm-up.js';
import { RoomSender } from '../rooms/room-sender.js';
import type { Rooms } from '../rooms/rooms.js';
import { StreamLosses } from '../rooms/stream-losses.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { createDispatchObserver, createSubscriberObserver } from '../telemetry/observers.js';
import type { Views } from '../views/views.js';
import { EventDispatcher } from './dispatcher.js';
import { Rejections } from './rejections.js';

// Time between two checks of the cursors in `reachEnd`, about as long as the delivery of an event takes.
const cursorCheckMs = 2;

/** Dependencies of {@link Delivery}. */
export interface DeliveryDependencies {
  readonly options: ResolvedGatewayOptions;
  readonly broker: Broker;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** The rooms. Their positions come from the subscriber of this delivery. */
  readonly rooms: Rooms;
  /** The hub whose groups are the rooms. */
  readonly hub: Hub<EventsClient>;
  /** `undefined` if the application has no views. */
  readonly views: Views | undefined;
  /** Turns entries of other programs into events. `undefined` if no stream has a rule. */
  readonly intake?: Intake | undefined;
  /** Loads the removals and sign-outs whose entries this gateway has not read. */
  readonly revocationSync: RevocationSync;
}

/** Delivers events from the broker to the hub. Start it once and stop it once. */
export class Delivery {
  readonly #dependencies: DeliveryDependencies;
  readonly #rejections: Rejections;
  readonly #sender: RoomSender;
  readonly #dispatcher: EventDispatcher;
  readonly #subscriber: Subscriber;
  #cancelMaintenance: CancelTimer = () => {};

  constructor(dependencies: DeliveryDependencies) {
    const { options, metrics, logger, rooms } = dependencies;
    this.#dependencies = dependencies;
    // Two processes with the same name would acknowledge entries for each other. Therefore a restarted process gets a new
    // name.
    const name = `${options.instance}#${randomUUID().slice(0, 8)}`;
    this.#rejections = new Rejections({ ...dependencies, name });
    this.#sender = new RoomSender(dependencies);
    this.#dispatcher = new EventDispatcher(options, {
      rooms,
      sender: this.#sender,
      views: dependencies.views,
      rejections: this.#rejections,
      erasures: new Erasures({
        rooms,
        sender: {
          relay: (at, calls, prepareBeforeLoss) => {
            this.#sender.relay(at, calls, prepareBeforeLoss);
            dependencies.views?.relay(at, calls);
          },
        },
        noteErased: (stream, ids) => this.#subscriber.noteErased(stream, ids),
      }),
      membership: new MembershipControls({
        revocations: rooms.revocations,
        brokerTimeMs: () => rooms.brokerTimeMs(),
      }),
      clock: systemClock,
      observer: createDispatchObserver(metrics, logger),
    });
    this.#subscriber = this.#createSubscriber(name);
    rooms.follow(this.#subscriber);
  }

  /** True when the streams are read up to their end. */
  get isCaughtUp(): boolean {
    return this.#subscriber.isCaughtUp;
  }

  /** The streams that cannot be read or accounted for, each with the kind and the cause of the trouble. */
  get troubles(): readonly StreamTrouble[] {
    return this.#subscriber.troubles;
  }

  /** Returns what an operator should correct although every stream is served. */
  get details(): readonly string[] {
    return this.#rejections.details;
  }

  /**
   * Registers at the broker, warms up with the entries of the last minutes, and begins to read.
   *
   * @throws BrokerError when the broker refuses every stream or is closed
   */
  async start(): Promise<void> {
    // The event types are announced before anything is read. Other gateways then do not reject events that this gateway can
    // deliver.
    await this.#rejections.start();
    await this.#subscriber.start();
    this.#cancelMaintenance = startRepeatingTimer(
      systemClock,
      this.#dependencies.options.positionIntervalMs,
      () => this.#maintain(),
    );
  }

  /**
   * Resolves when every entry that the streams have at the time of the call is queued for this gateway's connections. Also
   * resolves when `signal` is aborted.
   */
  async reachEnd(signal: AbortSignal): Promise<void> {
    const { broker } = this.#dependencies;
    // A stream that the broker cannot inspect is left out, because its end is unknown.
    const inspections = await Promise.allSettled(
      broker.partitioning.streams.map(({ name }) => broker.inspect(name)),
    );
    const ends = inspections.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const isBehind = (): boolean =>
      ends.some(
        ({ stream, lastId }) => compareEntryIds(this.#subscriber.cursor(stream) ?? lastId, lastId) < 0,
      );
    while (isBehind() && !signal.aborted) await pause(systemClock, cursorCheckMs, signal);
  }

  /** Stops reading, and removes what the broker stores for this gateway, such as leases and announcements. Never rejects. */
  async stop(): Promise<void> {
    this.#cancelMaintenance();
    this.#dependencies.revocationSync.stop();
    this.#dependencies.rooms.lossNotices.stop();
    this.#dispatcher.flush();
    await this.#subscriber.stop();
    await this.#rejections.stop();
  }

  /** Updates the metrics of the replay ring and of the bytes that wait to be sent to clients. */
  observe(): void {
    const { broker, hub, metrics, rooms, views } = this.#dependencies;
    metrics.waitingBytes.set(hub.connections.waitingBytes + (views?.waitingBytes ?? 0));
    const brokerTimeMs = rooms.brokerTimeMs();
    const { ring } = rooms.replay;
    ring.evict(brokerTimeMs);
    metrics.tenantsOverShare.set(ring.tenantsOverShare(brokerTimeMs));
    for (const { name } of broker.partitioning.streams)
      metrics.replayWindow.set({ stream: name }, ring.coveredMs(name, brokerTimeMs) / 1000);
  }

  #createSubscriber(name: string): Subscriber {
    const { broker, options, metrics, logger, rooms, revocationSync, intake } = this.#dependencies;
    const losses = new StreamLosses(this.#dependencies);
    const dispatcher = this.#dispatcher;
    return createSubscriber(broker, {
      name,
      instance: options.instance,
      warmUp: (starts) => this.#warmUp(starts),
      onEntry:
        intake === undefined
          ? (stream, entry) => dispatcher.dispatch(stream, entry)
          : (stream, entry) => dispatcher.dispatch(stream, intake.take(stream, entry)),
      // The next entries wait until it is known who was removed in the missed ones.
      beforeOvertaken: (stream) => revocationSync.refresh(stream),
      onOvertaken: (stream, firstId) => losses.overtaken(stream, firstId),
      onGap: (stream, lost, isKnown) => {
        losses.gap(stream, lost, isKnown);
        if (!isKnown) void revocationSync.refresh(stream);
      },
      onReset: (stream, lastId) => {
        losses.reset(stream, lastId);
        void revocationSync.restore(stream);
      },
      onAdvance: (streams) => rooms.replay.positionWaiter.onAdvance(streams),
      onHeartbeat: (stream) => rooms.replay.positionWaiter.onHeartbeat(stream),
      ...createSubscriberObserver(metrics, logger),
    });
  }

  async #warmUp(starts: readonly StreamStart[]): Promise<void> {
    const { broker, options, rooms, revocationSync, intake } = this.#dependencies;
    const { ring } = rooms.replay;
    // Loaded after the cursors were registered: every later change is an entry that the tail reads.
    await revocationSync.load(starts.map(({ stream }) => stream));
    // A stream that the broker refuses is not warmed up. It begins at the first ID in the ring, because a client can have
    // missed none of its entries.
    for (const { name } of broker.partitioning.streams)
      if (ring.floor(name) === undefined) ring.begin(name, FIRST_ENTRY_ID);
    await warmUpFromStreams(broker, starts, {
      periodMs: Math.max(options.dedupeWindowMs, options.replayWindowMs),
      maxEntries: options.maxWarmUpEntries,
      onFloor: (stream, floor) => ring.begin(stream, floor),
      onEntry: (stream, entry, positionOf) =>
        this.#dispatcher.warmUp(stream, intake?.take(stream, entry) ?? entry, positionOf),
    });
  }

  /**
   * Runs once per `positionIntervalMs`. Evicts events that are too old for a replay, and sends the current position to idle
   * connections.
   */
  #maintain(): void {
    const { rooms } = this.#dependencies;
    rooms.replay.evict(rooms.brokerTimeMs());
    rooms.revocations.maintain();
    this.#sender.sendPositions();
    this.#dependencies.views?.sendPositions();
  }
}
