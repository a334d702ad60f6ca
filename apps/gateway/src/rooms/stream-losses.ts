// Handles reports of the subscriber that entries left a stream unread, or that a stream was lost or went back. No client may believe
// afterwards that it missed nothing.
import { type EntryId, previousEntryId, type StreamPosition } from '@millrace/broker';
import type { Hub } from '@millrace/signalr';
import type { EventsClient } from '../hub/events-client.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { type LossReason, UNRECOVERABLE_POSITION } from './loss-notices.js';
import type { Rooms } from './rooms.js';

/** Dependencies of {@link StreamLosses}. */
export interface StreamLossesDependencies {
  readonly rooms: Pick<Rooms, 'positions' | 'replay' | 'lossNotices'>;
  readonly hub: Pick<Hub<EventsClient>, 'clients'>;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Entries that left a stream unread. */
interface Loss {
  readonly reason: LossReason;
  /** The stream's position, for clients that were not notified yet. */
  readonly before: StreamPosition;
  /** All entries after this one are known. */
  readonly from: EntryId;
}

/** See the file's comment, and the options of the broker's subscriber. */
export class StreamLosses {
  readonly #dependencies: StreamLossesDependencies;

  constructor(dependencies: StreamLossesDependencies) {
    this.#dependencies = dependencies;
  }

  /** Called before anything from behind the gap is sent: clients that are not notified yet keep the position before it. */
  overtaken(stream: string, firstId: EntryId): void {
    const before = this.#dependencies.rooms.positions.currentOf(stream) ?? UNRECOVERABLE_POSITION;
    this.#record(stream, { reason: 'gap', before, from: previousEntryId(firstId) });
  }

  /** Counts the lost entries of a gap. `isKnown`: `overtaken` was called for it. */
  gap(stream: string, lost: number, isKnown: boolean): void {
    const { logger, metrics, rooms } = this.#dependencies;
    metrics.gaps.inc({ stream }, lost);
    metrics.dropped.inc({ reason: 'expired' }, lost);
    logger.error({ stream, lost }, 'entries left the stream before this gateway read them');
    // Positions that hide the gap were sent already: no client may come back with one of those.
    if (isKnown) return;
    const from = rooms.positions.cursorOf(stream);
    this.#record(stream, { reason: 'gap', before: UNRECOVERABLE_POSITION, from });
    this.#sendPositionsBeforeLoss();
  }

  /** The stream was lost or went back to an earlier state. */
  reset(stream: string, lastId: EntryId): void {
    this.#dependencies.logger.warn(
      { stream },
      'the stream was lost or went back; reading it from its beginning',
    );
    // The ring begins behind the entries that are there now: they are read again, and only events that nobody has seen are delivered.
    this.#record(stream, { reason: 'reset', before: UNRECOVERABLE_POSITION, from: lastId });
  }

  /**
   * Records that entries up to `from` cannot be replayed any more. It is not known for which rooms they were, so the clients in every
   * room of the stream, and clients that come back to one, must load their room from the backend.
   */
  #record(stream: string, { reason, before, from }: Loss): void {
    const { lossNotices, positions, replay } = this.#dependencies.rooms;
    replay.ring.begin(stream, from);
    lossNotices.recordLoss(stream, before, reason, (roomId) => positions.belongs(roomId, stream));
  }

  /** Replaces positions of clients that hide the loss by one that does not; their `resync` follows later. */
  #sendPositionsBeforeLoss(): void {
    const { lossNotices, positions } = this.#dependencies.rooms;
    const position = positions.ofEveryRoomAt((stream) => lossNotices.positionBefore(stream));
    this.#dependencies.hub.clients.clients(lossNotices.pendingConnections).send('position', { position });
  }
}
