// Holds the state of this gateway's rooms: their positions, the events that can be replayed, the users whom
// indicators show or who were removed, and the connections that lag or have a pending loss notice. The hub reads this state when
// clients join. `Delivery` updates it.
import type { Broker, Subscriber } from '@millrace/broker';
import { systemClock } from '@millrace/internal';
import { RoomIndicators } from '../indicators/room-indicators.js';
import type { Intake } from '../intake/intake.js';
import { MemberConnections } from '../membership/member-connections.js';
import { Revocations } from '../membership/revocations.js';
import { Replay } from '../replay/replay.js';
import { ReplayAttempts } from '../replay/replay-attempts.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Tenants } from '../tenants/tenants.js';
import { LaggingConnections } from './lagging-connections.js';
import { LossNotices } from './loss-notices.js';
import { RoomPositions } from './room-positions.js';
import { StandingRooms } from './standing-rooms.js';

/** Dependencies of {@link Rooms}. */
export interface RoomsDependencies {
  readonly options: ResolvedGatewayOptions;
  readonly broker: Broker;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Turns entries of other programs into events. `undefined` if no stream has a rule. */
  readonly intake?: Intake | undefined;
  /** `undefined` if rooms have no tenants. */
  readonly tenants: Tenants | undefined;
}

/** The state of this gateway's rooms. Usable after `follow` was called. */
export class Rooms {
  readonly positions: RoomPositions;
  /** The rooms in which connections are from the start. */
  readonly standing: StandingRooms;
  /** Sends missed events to clients that were disconnected or too slow. */
  readonly replay: Replay;
  /** The users whom the catalog's indicators show, such as those who are typing. */
  readonly indicators: RoomIndicators;
  /** The connections that are being sent missed events. */
  readonly laggingConnections = new LaggingConnections();
  /** Notifies connections of losses. */
  readonly lossNotices = new LossNotices({ clock: systemClock, random: Math.random });
  /** The connections by user. */
  readonly memberConnections = new MemberConnections();
  /** The users who were removed from rooms or signed out. */
  readonly revocations: Revocations;
  /** Counts clients whose connection ends right after a replay. */
  readonly replayAttempts: ReplayAttempts;
  #subscriber: Subscriber | undefined;

  constructor({ options, broker, metrics, logger, intake, tenants }: RoomsDependencies) {
    this.positions = new RoomPositions(broker, () => this.#followed());
    this.standing = new StandingRooms(tenants);
    this.replay = new Replay(
      {
        catalog: options.catalog,
        intake,
        windowMs: options.replayWindowMs,
        maxRingBytes: options.maxReplayBytes,
        maxRingBytesPerTenant: options.maxReplayBytesPerTenant,
        ...(tenants === undefined ? {} : { tenantOf: (roomId: string) => tenants.of(roomId) }),
        maxEventsPerRoom: options.maxReplayEventsPerRoom,
        maxBytesPerRoom: options.maxReplayBytesPerRoom,
      },
      broker,
      this.positions,
    );
    this.revocations = new Revocations({
      streamsOf: (roomId) => this.positions.streamsOf(roomId),
      brokerTimeMs: () => this.brokerTimeMs(),
      onRemoved: (roomId, userId) => this.memberConnections.expel(roomId, userId),
      onSignedOut: (userId) => this.memberConnections.signOut(userId),
    });
    this.indicators = new RoomIndicators(options.catalog, options.typingExpiryMs);
    this.replayAttempts = new ReplayAttempts({
      counters: broker.counters,
      clock: systemClock,
      onGivenUp: ({ roomId, firstEventId }) => {
        metrics.replaysGivenUp.inc();
        logger.warn(
          { roomId, eventId: firstEventId },
          'a client disconnects whenever it is replayed this event',
        );
      },
    });
  }

  /** Sets the subscriber that determines the positions of the rooms. Call it once, before the first client connects. */
  follow(subscriber: Subscriber): void {
    this.#subscriber = subscriber;
  }

  /** Returns the current broker time, in milliseconds since 1970. */
  brokerTimeMs(): number {
    return this.#followed().brokerTimeMs();
  }

  #followed(): Subscriber {
    if (this.#subscriber === undefined) throw new TypeError('the rooms follow no subscriber yet');
    return this.#subscriber;
  }
}
