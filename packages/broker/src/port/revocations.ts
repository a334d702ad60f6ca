// The port for revocations: access that was withdrawn from a user, with the entries of a stream that say when. The store keeps a
// revocation after its entries have left the stream. The callers define what the names mean.
import type { EntryId } from '../entries/entry-id.js';

/** `revoked`: access ends behind the entry. `restored`: access begins again behind the entry. @beta */
export type RevocationState = 'revoked' | 'restored';

/** A change of one revocation. @beta */
export interface RevocationChange {
  /** Name of the access: text of 1 to 2,048 characters. */
  readonly name: string;
  readonly state: RevocationState;
  /** Fields of the entry that is appended to the stream. */
  readonly fields: Readonly<Record<string, string>>;
  /** Time for which the store keeps the revocation after this call, in milliseconds. An earlier call may have set a later end. */
  readonly keepMs: number;
  /** True if a new entry is appended even if the access is revoked already. @defaultValue false */
  readonly isRenewal?: boolean;
  /**
   * Given to store a change again that the store has lost: the time of that change, as `Revocation.changedMs`. Nothing is changed
   * if the store has this change or a later one.
   */
  readonly lostChangedMs?: number;
}

/** The result of a change. @beta */
export interface RevocationReceipt {
  /** ID of the newest entry of this revocation. `undefined` if there was nothing to restore. */
  readonly id: EntryId | undefined;
  /** True if this call appended the entry. False if the store had the state already. */
  readonly isChanged: boolean;
}

/** A revocation as the store keeps it. @beta */
export interface Revocation {
  readonly name: string;
  readonly state: RevocationState;
  /** ID of the entry that announced this state. */
  readonly id: EntryId;
  /** ID of the last entry that revoked the access. Equal to `id` in the state `revoked`. */
  readonly revokedId: EntryId;
  /** Time of the last change of the state, in milliseconds since 1970 by the clock of the store. */
  readonly changedMs: number;
  /** Time at which the store forgets the revocation, in milliseconds since 1970 by the clock of the store. */
  readonly endsMs: number;
}

/** Limits of every store. @beta */
export const REVOCATION_LIMITS = Object.freeze({
  /** Maximum number of revocations of one stream. The store refuses another one, because it must not forget any. */
  maxPerStream: 100_000,
  maxNameChars: 2_048,
});

/**
 * Revocations by stream and name.
 *
 * Guarantees:
 * - The entry is appended and the revocation is stored in one atomic step.
 * - A revocation is kept until `keepMs` after its last change, however short its stream is.
 * - A repeated change appends nothing, unless it is a renewal.
 * - A lost change keeps its time, and never replaces a later change.
 * @beta
 */
export interface RevocationStore {
  /**
   * Revokes or restores access.
   * @throws BrokerError `overloaded` when the stream has the maximum number of revocations. Nothing was changed
   */
  change(stream: string, change: RevocationChange): Promise<RevocationReceipt>;

  /** Resolves to one revocation, or to `undefined` if there is none. */
  find(stream: string, name: string): Promise<Revocation | undefined>;

  /** Resolves to all revocations of a stream, in no particular order. */
  list(stream: string): Promise<readonly Revocation[]>;
}
