// Entries that left a stream unread, and streams that went back: nobody is to be told that nothing was missed.
import { type EntryId, previousEntryId, type StreamPosition } from '@millrace/broker';
import type { Hub } from '@millrace/signalr';
import type { EventsClient } from '../hub/events-client.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { type LossReason, NO_PLACE } from './loss-notices.js';
import type { Rooms } from './rooms.js';

/** Dependencies of {@link StreamLosses}. */
export interface StreamLossesParts {
  readonly rooms: Pick<Rooms, 'positions' | 'replay' | 'losses'>;
  readonly hub: Pick<Hub<EventsClient>, 'clients'>;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Entries that left a stream unread. */
interface Loss {
  readonly reason: LossReason;
  /** The stream's place in positions that do not hide it. */
  readonly before: StreamPosition;
  /** From here on everything is known. */
  readonly from: EntryId;
}

/** Takes what a subscriber reports of losses; see `SubscriberOptions`. */
export class StreamLosses {
  readonly #parts: StreamLossesParts;

  constructor(parts: StreamLossesParts) {
    this.#parts = parts;
  }

  /** Called before anything from behind the gap is sent: who is not told yet keeps the place before it. */
  overtaken(stream: string, firstId: EntryId): void {
    const before = this.#parts.rooms.positions.currentOf(stream) ?? NO_PLACE;
    this.#note(stream, { reason: 'gap', before, from: previousEntryId(firstId) });
  }

  /** The gap is counted. `isKnown`: it was met before. */
  gap(stream: string, lost: number, isKnown: boolean): void {
    const { logger, metrics, rooms } = this.#parts;
    metrics.gaps.inc({ stream }, lost);
    metrics.dropped.inc({ reason: 'expired' }, lost);
    logger.error({ stream, lost }, 'entries left the stream before they were read');
    // Positions that hide it are out already: nobody is to come back with one of those.
    if (isKnown) return;
    this.#note(stream, { reason: 'gap', before: NO_PLACE, from: rooms.positions.cursorOf(stream) });
    this.#pinUntold();
  }

  reset(stream: string, lastId: EntryId): void {
    this.#parts.logger.warn({ stream }, 'the stream was lost or went back; reading it from its beginning');
    // The ring begins behind the entries that are there now: they are read again, and only events that nobody has seen are delivered.
    this.#note(stream, { reason: 'reset', before: NO_PLACE, from: lastId });
  }

  /**
   * Notes that entries before `from` cannot be replayed any more. Nobody knows for which rooms they were, so members of every room of the
   * stream, and clients that come back to one, must load their room from elsewhere.
   */
  #note(stream: string, { reason, before, from }: Loss): void {
    const { losses, positions, replay } = this.#parts.rooms;
    replay.ring.begin(stream, from);
    losses.note(stream, before, reason, (roomId) => positions.belongs(roomId, stream));
  }

  /** Sends members a position that does not hide the loss when theirs does; their `resync` follows later. */
  #pinUntold(): void {
    const { losses, positions } = this.#parts.rooms;
    const position = positions.ofEveryRoomAt((stream) => losses.placeBefore(stream));
    this.#parts.hub.clients.clients(losses.untold).send('position', { position });
  }
}
