// The removals from rooms and the sign-outs that this gateway knows. The tail applies them in stream order, and the store fills in
// those whose entries the gateway has not read (`revocation-sync.ts`). Uses no timers and no sockets.
import { compareEntryIds, type EntryId, type Revocation } from '@millrace/broker';
import { type RevocationSubject, readRevocationName, revocationName } from '@millrace/contract';
import type { ClientStreamPosition } from '../replay/position-waiter.js';

/**
 * The access of a user to a room. `removed`: revoked in every stream of the room. `partly`: revoked in some of them, because this
 * gateway has not read the other entries yet, or because not all of them were stored.
 */
export type MemberStatus = 'member' | 'partly' | 'removed';

/** The limits of one user's access to the events of one room. */
export interface RoomAccess {
  /** True if the user may be sent the entry. */
  mayReceive(stream: string, id: EntryId): boolean;
  /**
   * Returns the entry in which the user was added again. A position before it cannot be resumed, because the user may not be sent the
   * events in between. `undefined` if the user was never removed, or is removed now.
   */
  restoredAt(stream: string): EntryId | undefined;
}

/** The part of a revocation in one stream that this gateway keeps. */
type Known = Pick<Revocation, 'state' | 'id' | 'revokedId' | 'changedMs' | 'endsMs'>;

/** The revocations of one name. */
interface Subject extends RevocationSubject {
  readonly byStream: Map<string, Known>;
  /** Time since which the user is removed from only a part of the room's streams, in broker time. */
  partlySinceMs: number | undefined;
  /** True if the missing streams count as revoked, because their entries did not come in time. */
  isForced: boolean;
}

/** Dependencies of {@link Revocations}. */
export interface RevocationsDependencies {
  streamsOf(roomId: string): readonly string[];
  brokerTimeMs(): number;
  /**
   * Called when a user has been removed from a room, in every stream of the room. Also called when a user was removed and added
   * again stream by stream: the user has then missed events, although the removal was never in force in all streams at once.
   */
  onRemoved(roomId: string, userId: string): void;
  /** Called when a user has been signed out. */
  onSignedOut(userId: string): void;
}

const nobody: readonly string[] = [];

/** Time after which a removal that has not reached every stream of its room counts for all of them. */
const partlyMs = 5_000;

/** The revocations. Their number is bounded by the store, see `REVOCATION_LIMITS`. */
export class Revocations {
  readonly #dependencies: RevocationsDependencies;
  readonly #subjects = new Map<string, Subject>();
  /** Room → names of the users who are removed from a part of its streams. Almost always empty. */
  readonly #partly = new Map<string, Set<string>>();

  #onChange: (subject: RevocationSubject) => void = () => {};

  constructor(dependencies: RevocationsDependencies) {
    this.#dependencies = dependencies;
  }

  /** Sets the function that is called when a user was removed, added again or signed out, in any stream, before the rooms are left. */
  onChange(listener: (subject: RevocationSubject) => void): void {
    this.#onChange = listener;
  }

  /** Applies the entry of a stream. Called in the order of the stream. */
  apply(subject: RevocationSubject, stream: string, known: Omit<Known, 'revokedId'>): void {
    const { byStream } = this.#subject(subject);
    const before = byStream.get(stream);
    const revokedId = known.state === 'revoked' ? known.id : (before?.revokedId ?? known.id);
    // An earlier sign-out that another gateway has stored again must not make the tokens valid that the later one has ended.
    const changedMs = Math.max(known.changedMs, before?.changedMs ?? 0);
    byStream.set(stream, { ...known, revokedId, changedMs });
    this.#changed(subject);
  }

  /** Takes over a revocation of the store, unless this gateway has read a newer entry. */
  merge(stream: string, revocation: Revocation): void {
    const subject = readRevocationName(revocation.name);
    if (subject === undefined) return;
    const { byStream } = this.#subject(subject);
    const before = byStream.get(stream);
    if (before !== undefined && compareEntryIds(before.id, revocation.id) >= 0) return;
    byStream.set(stream, revocation);
    this.#changed(subject);
  }

  /** The revocations of a stream that are in force, by name. */
  revokedIn(stream: string): ReadonlyMap<string, Known> {
    const found = new Map<string, Known>();
    const nowMs = this.#dependencies.brokerTimeMs();
    for (const [name, { byStream }] of this.#subjects) {
      const known = byStream.get(stream);
      if (known?.state === 'revoked' && known.endsMs > nowMs) found.set(name, known);
    }
    return found;
  }

  /** Returns the status of a user in a room. A user who was never removed has the status `member`, whatever the token allows. */
  statusOf(roomId: string, userId: string): MemberStatus {
    const subject = this.#find({ roomId, userId });
    return subject === undefined ? 'member' : this.#statusOf(roomId, subject);
  }

  /** True if the user may not enter the room or publish into it. */
  isRemoved(roomId: string, userId: string): boolean {
    return this.statusOf(roomId, userId) !== 'member';
  }

  /** Returns the present limits of a user in a room, or `undefined` for a user without limits. Later changes do not affect them. */
  accessOf(roomId: string, userId: string): RoomAccess | undefined {
    const subject = this.#find({ roomId, userId });
    if (subject === undefined) return undefined;
    const byStream: ReadonlyMap<string, Known> = new Map(subject.byStream);
    return {
      mayReceive: (stream, id) => isReceivable(byStream.get(stream), id),
      restoredAt: (stream) => {
        const known = byStream.get(stream);
        return known?.state === 'restored' ? known.id : undefined;
      },
    };
  }

  /** Returns the users who may not be sent this entry although their connections may be in the room. */
  forbiddenIn(roomId: string, stream: string, id: EntryId): readonly string[] {
    const names = this.#partly.get(roomId);
    if (names === undefined) return nobody;
    return [...names].flatMap((name) => {
      const subject = this.#subjects.get(name);
      if (subject === undefined) return [];
      return isReceivable(subject.byStream.get(stream), id) ? [] : [subject.userId];
    });
  }

  /**
   * True if a user was signed out after the token was issued. `issuedAtMs` is the claim `iat`, which usually has whole seconds.
   * Therefore a token of the same second counts as issued before.
   */
  isSignedOut(userId: string, issuedAtMs: number): boolean {
    const subject = this.#find({ userId });
    if (subject === undefined) return false;
    return [...subject.byStream.values()].some(
      ({ state, changedMs }) => state === 'revoked' && issuedAtMs <= changedMs,
    );
  }

  /** Completes removals that did not reach all streams in time, and forgets what has expired. Called now and then. */
  maintain(): void {
    const nowMs = this.#dependencies.brokerTimeMs();
    for (const subject of this.#subjects.values()) {
      const { roomId, partlySinceMs } = subject;
      if (roomId !== undefined && partlySinceMs !== undefined && nowMs - partlySinceMs >= partlyMs) {
        subject.isForced = true;
        this.#changed(subject);
      }
      this.#find(subject);
    }
  }

  #subject({ roomId, userId }: RevocationSubject): Subject {
    const name = revocationName({ roomId, userId });
    const known = this.#subjects.get(name);
    if (known !== undefined) return known;
    const subject = { roomId, userId, byStream: new Map(), partlySinceMs: undefined, isForced: false };
    this.#subjects.set(name, subject);
    return subject;
  }

  /** Returns the revocations of a name that have not expired. */
  #find({ roomId, userId }: RevocationSubject): Subject | undefined {
    if (this.#subjects.size === 0) return undefined;
    const name = revocationName({ roomId, userId });
    const subject = this.#subjects.get(name);
    if (subject === undefined) return undefined;
    const nowMs = this.#dependencies.brokerTimeMs();
    for (const [stream, { endsMs }] of subject.byStream) if (endsMs <= nowMs) subject.byStream.delete(stream);
    if (subject.byStream.size > 0) return subject;
    this.#subjects.delete(name);
    this.#notePartly(name, subject, false);
    return undefined;
  }

  #changed(of: RevocationSubject): void {
    this.#onChange(of);
    const subject = this.#find(of);
    if (subject === undefined) return;
    const { onRemoved, onSignedOut, brokerTimeMs } = this.#dependencies;
    const { roomId, userId } = subject;
    if (roomId === undefined) {
      onSignedOut(userId);
      return;
    }
    const status = this.#statusOf(roomId, subject);
    const isBack = status === 'member' && subject.partlySinceMs !== undefined;
    subject.partlySinceMs = status === 'partly' ? (subject.partlySinceMs ?? brokerTimeMs()) : undefined;
    if (status === 'member') subject.isForced = false;
    this.#notePartly(revocationName(subject), subject, status === 'partly');
    if (status === 'removed' || isBack) onRemoved(roomId, userId);
  }

  #statusOf(roomId: string, { byStream, isForced }: Subject): MemberStatus {
    const isRevokedIn = (stream: string): boolean => byStream.get(stream)?.state === 'revoked';
    const streams = this.#dependencies.streamsOf(roomId);
    if (!streams.some(isRevokedIn)) return 'member';
    return isForced || streams.every(isRevokedIn) ? 'removed' : 'partly';
  }

  #notePartly(name: string, { roomId }: RevocationSubject, isPartly: boolean): void {
    if (roomId === undefined) return;
    const names = this.#partly.get(roomId) ?? new Set<string>();
    if (isPartly) this.#partly.set(roomId, names.add(name));
    else if (names.delete(name) && names.size === 0) this.#partly.delete(roomId);
  }
}

/** False for an entry behind the revocation. If access was restored, false for the entries in between. */
function isReceivable(known: Known | undefined, id: EntryId): boolean {
  if (known === undefined || compareEntryIds(id, known.revokedId) <= 0) return true;
  return known.state === 'restored' && compareEntryIds(id, known.id) > 0;
}

/** False if the user was added to the room again after one of these positions, because events in between must not be sent. */
export function mayResume(
  positions: readonly ClientStreamPosition[],
  access: RoomAccess | undefined,
): boolean {
  return positions.every(({ stream, position }) => {
    const restoredAt = access?.restoredAt(stream);
    return restoredAt === undefined || compareEntryIds(position.cursor, restoredAt) >= 0;
  });
}
