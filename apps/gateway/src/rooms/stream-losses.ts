// Handles the subscriber's reports of losses: entries left a stream unread, or a stream was lost or went back to an earlier
// state. Every affected client learns that it may have missed events.
import { type EntryId, previousEntryId, type StreamPosition } from '@millrace/broker';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { type LossReason, UNRECOVERABLE_POSITION } from './loss-notices.js';
import type { Rooms } from './rooms.js';

/** Dependencies of {@link StreamLosses}. */
export interface StreamLossesDependencies {
  readonly rooms: Pick<Rooms, 'positions' | 'replay' | 'lossNotices'>;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** A loss of entries in a stream. */
interface Loss {
  readonly reason: LossReason;
  /** The stream's position before the loss, for clients that were not notified yet. */
  readonly before: StreamPosition;
  /** The ID after which no entry is lost. */
  readonly from: EntryId;
}

/** Handles reports of losses. The methods implement the options `onOvertaken`, `onGap` and `onReset` of the broker's subscriber. */
export class StreamLosses {
  readonly #dependencies: StreamLossesDependencies;

  constructor(dependencies: StreamLossesDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Records a gap before the first event after it is sent. Clients that are not notified yet keep the position before the
   * gap.
   */
  overtaken(stream: string, firstId: EntryId): void {
    const before = this.#dependencies.rooms.positions.currentOf(stream) ?? UNRECOVERABLE_POSITION;
    this.#record(stream, { reason: 'gap', before, from: previousEntryId(firstId) });
  }

  /** Counts the lost entries of a gap, and records the gap unless `overtaken` was called for it (`isKnown`). */
  gap(stream: string, lost: number, isKnown: boolean): void {
    const { logger, metrics, rooms } = this.#dependencies;
    metrics.gaps.inc({ stream }, lost);
    metrics.dropped.inc({ reason: 'expired' }, lost);
    logger.error({ stream, lost }, 'entries left the stream before this gateway read them');
    // Clients have already received positions that hide an unknown gap. The code below sends new positions, which replace
    // them. A client that resumes from one of the earlier positions must reload.
    if (isKnown) return;
    const from = rooms.positions.cursorOf(stream);
    rooms.replay.hiddenLosses.note(stream, rooms.positions.cursors());
    this.#record(stream, { reason: 'gap', before: UNRECOVERABLE_POSITION, from });
    this.#sendPositionsBeforeLoss();
  }

  /** Records that the stream was lost or went back to an earlier state. */
  reset(stream: string, lastId: EntryId): void {
    this.#dependencies.logger.warn(
      { stream },
      'the stream was lost or went back; reading it from its beginning',
    );
    this.#dependencies.rooms.replay.hiddenLosses.forget(stream);
    // The ring begins after the present entries of the stream. They are read again, and only unseen events are delivered.
    this.#record(stream, { reason: 'reset', before: UNRECOVERABLE_POSITION, from: lastId });
  }

  /**
   * Records that entries up to `from` can no longer be replayed. Nobody knows which rooms the lost entries belonged to.
   * Therefore clients in every room of the stream must reload the room from the backend, and so must clients that reconnect
   * to it.
   */
  #record(stream: string, { reason, before, from }: Loss): void {
    const { lossNotices, positions, replay } = this.#dependencies.rooms;
    replay.ring.begin(stream, from);
    lossNotices.recordLoss(stream, before, reason, (roomId) => positions.belongs(roomId, stream));
  }

  /** Sends clients with a pending notice a position that does not hide the loss. The notice (`resync`) follows later. */
  #sendPositionsBeforeLoss(): void {
    const { lossNotices, positions } = this.#dependencies.rooms;
    const position = positions.ofEveryRoomAt((stream) => lossNotices.positionBefore(stream));
    lossNotices.tellPosition(position);
  }
}
