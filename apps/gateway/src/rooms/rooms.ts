// Holds the state of the rooms of this gateway: their positions, the events that can be replayed, the users whom indicators show, and the members
// who are behind or not told of a loss. The hub asks for it when clients come; delivery keeps it up to date.

import type { Broker, Member } from '@millrace/broker';
import { systemClock } from '@millrace/internal';
import { RoomIndicators } from '../indicators/room-indicators.js';
import { Replay } from '../replay/replay.js';
import { ReplayRounds } from '../replay/replay-attempts.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { Laggards } from './lagging-connections.js';
import { Losses } from './loss-notices.js';
import { RoomPositions } from './room-positions.js';

/** Dependencies of {@link Rooms}. */
export interface RoomsParts {
  readonly options: ResolvedGatewayOptions;
  readonly broker: Broker;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** See the file's comment. Usable from `follow` on. */
export class Rooms {
  readonly positions: RoomPositions;
  /** Sends clients that were away or too slow the events that they missed. */
  readonly replay: Replay;
  /** The users whom indicators show: typing, and those of the catalog. */
  readonly indicators: RoomIndicators;
  /** Members that are being sent what they missed. */
  readonly laggards = new Laggards();
  /** Connections that have not been told of a loss yet. */
  readonly losses = new Losses({ clock: systemClock, random: Math.random });
  /** Counts clients whose connection ends right after a replay. */
  readonly rounds: ReplayRounds;
  #member: Member | undefined;

  constructor({ options, broker, metrics, logger }: RoomsParts) {
    this.positions = new RoomPositions(broker, () => this.#followed());
    this.replay = new Replay(
      {
        catalog: options.catalog,
        windowMs: options.replayWindowMs,
        maxRingBytes: options.maxReplayBytes,
        maxEventsPerRoom: options.maxReplayEventsPerRoom,
        maxBytesPerRoom: options.maxReplayBytesPerRoom,
      },
      broker,
      this.positions,
    );
    this.indicators = new RoomIndicators(options.catalog, options.typingExpiryMs);
    this.rounds = new ReplayRounds({
      counters: broker.counters,
      clock: systemClock,
      givenUp: ({ roomId, firstEventId }) => {
        metrics.replaysGivenUp.inc();
        logger.warn({ roomId, eventId: firstEventId }, 'a client ends whenever it is replayed this event');
      },
    });
  }

  /** From now on the rooms are as far as this member has read. Called once, before the first client comes. */
  follow(member: Member): void {
    this.#member = member;
  }

  /** Broker time now, in milliseconds since 1970. */
  brokerTimeMs(): number {
    return this.#followed().brokerTimeMs();
  }

  #followed(): Member {
    if (this.#member === undefined) throw new TypeError('the rooms follow no member yet');
    return this.#member;
  }
}
