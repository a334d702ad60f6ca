// Fills in the revocations whose entries this gateway has not read, from the store: at the start, after entries were missed, and when
// a user who was removed tries to enter again. After the store has lost its data, stores again what this gateway knows.
import type { Broker, EntryId, Revocation } from '@millrace/broker';
import { readRevocationName, revocationName } from '@millrace/contract';
import { backOffDelayMs, type Clock, pause } from '@millrace/internal';
import type { Publisher } from '@millrace/publisher';
import type { WaitOutcome } from '../replay/position-waiter.js';
import type { Logger } from '../telemetry/logger.js';
import type { Revocations } from './revocations.js';

/** Dependencies of {@link RevocationSync}. */
export interface RevocationSyncDependencies {
  readonly broker: Pick<Broker, 'revocations'>;
  readonly revocations: Revocations;
  readonly publisher: Pick<Publisher, 'restoreRevocation'>;
  brokerTimeMs(): number;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn'>;
  streamsOf(roomId: string): readonly string[];
  /** Waits until this gateway has read these streams up to these entries. */
  waitFor(entries: ReadonlyMap<string, EntryId>): WaitOutcome | Promise<WaitOutcome>;
}

/** The answer to {@link RevocationSync.recheck}. `unknown`: this gateway has not read the entry yet that added the user. */
export type Recheck = 'removed' | 'member' | 'unknown';

/** See the comment at the top of this file. */
export class RevocationSync {
  readonly #dependencies: RevocationSyncDependencies;
  readonly #stopping = new AbortController();
  /** The running rechecks by name. Clients that ask for the same user and room share one. */
  readonly #rechecks = new Map<string, Promise<Recheck>>();

  constructor(dependencies: RevocationSyncDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws BrokerError when a request to the broker fails */
  async load(streams: readonly string[]): Promise<void> {
    await Promise.all(streams.map((stream) => this.#loadOne(stream)));
  }

  /** Loads the revocations of a stream whose entries were missed. Tries again until it succeeds, or until `stop`. Never rejects. */
  async refresh(stream: string): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        await this.#loadOne(stream);
        return;
      } catch (error) {
        if (attempt === 0)
          logger.warn({ err: error, stream }, 'removals of members cannot be read; trying again');
        await pause(clock, backOffDelayMs(attempt), signal);
      }
    }
  }

  /** Called when the store has lost a stream. Loads what it still has, and stores again what it has lost. Never rejects. */
  async restore(stream: string): Promise<void> {
    const { broker, revocations, publisher, logger, brokerTimeMs } = this.#dependencies;
    await this.refresh(stream);
    try {
      const listed = await broker.revocations.list(stream);
      const stored = new Map(listed.map(({ name, changedMs }) => [name, changedMs]));
      for (const [name, { changedMs, endsMs }] of revocations.revokedIn(stream)) {
        const isStored = (stored.get(name) ?? 0) >= changedMs;
        const subject = isStored ? undefined : readRevocationName(name);
        const keepMs = Math.ceil(endsMs - brokerTimeMs());
        if (subject === undefined || keepMs <= 0 || this.#stopping.signal.aborted) continue;
        await publisher.restoreRevocation(stream, { subject, changedMs, keepMs });
      }
    } catch (error) {
      logger.warn({ err: error, stream }, 'removals that the store has lost could not be stored again');
    }
  }

  /** Asks the store whether a user who was removed may enter a room again. Never rejects. */
  recheck(roomId: string, userId: string): Promise<Recheck> {
    const name = revocationName({ roomId, userId });
    const running = this.#rechecks.get(name);
    if (running !== undefined) return running;
    const answer = this.#recheck(roomId, userId)
      // The removal is known, so it holds until the store says otherwise.
      .catch((): Recheck => 'removed')
      .finally(() => this.#rechecks.delete(name));
    this.#rechecks.set(name, answer);
    return answer;
  }

  /** Ends all attempts. */
  stop(): void {
    this.#stopping.abort();
  }

  async #recheck(roomId: string, userId: string): Promise<Recheck> {
    const { broker, revocations, streamsOf, waitFor } = this.#dependencies;
    const name = revocationName({ roomId, userId });
    const found = new Map<string, Revocation>();
    for (const stream of streamsOf(roomId)) {
      const revocation = await broker.revocations.find(stream, name);
      if (revocation?.state === 'revoked') return 'removed';
      if (revocation !== undefined) found.set(stream, revocation);
    }
    const added = new Map(Array.from(found, ([stream, { id }]) => [stream, id]));
    if ((await waitFor(added)) === 'unknown') return 'unknown';
    // The gateway has read as far as the user was added. If it still counts the user as removed, it has missed these entries.
    for (const [stream, revocation] of found) revocations.merge(stream, revocation);
    return revocations.isRemoved(roomId, userId) ? 'removed' : 'member';
  }

  async #loadOne(stream: string): Promise<void> {
    const { broker, revocations } = this.#dependencies;
    for (const revocation of await broker.revocations.list(stream)) revocations.merge(stream, revocation);
  }
}
