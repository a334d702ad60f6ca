// Follows the control entries that remove users from rooms, add them again, and sign them out.
import type { MembersControl, RevocationSubject, SignOutControl } from '@millrace/contract';
import type { ControlContext } from '../dispatch/control-entries.js';
import { appendedAtMs } from '../dispatch/freshness.js';
import type { Revocations } from './revocations.js';

/** Dependencies of {@link MembershipControls}. */
export interface MembershipControlsDependencies {
  readonly revocations: Pick<Revocations, 'apply'>;
  brokerTimeMs(): number;
}

interface MembershipChange {
  readonly state: 'revoked' | 'restored';
  readonly keepMs: number;
  /** See {@link SignOutControl}. */
  readonly changedMs?: number | undefined;
}

/** Applies each entry in the turn in which the tail reads it, so that no later entry of its stream is sent before. */
export class MembershipControls {
  readonly #dependencies: MembershipControlsDependencies;

  constructor(dependencies: MembershipControlsDependencies) {
    this.#dependencies = dependencies;
  }

  changeMember({ roomId, userId, change, keepMs, changedMs }: MembersControl, place: ControlContext): void {
    this.#apply(
      { roomId, userId },
      { state: change === 'remove' ? 'revoked' : 'restored', keepMs, changedMs },
      place,
    );
  }

  signOut({ userId, keepMs, changedMs }: SignOutControl, place: ControlContext): void {
    this.#apply({ userId }, { state: 'revoked', keepMs, changedMs }, place);
  }

  #apply(
    subject: RevocationSubject,
    { state, keepMs, changedMs: givenMs }: MembershipChange,
    { stream, entry, positionOf }: ControlContext,
  ): void {
    // During the warm-up, the store has told the newest state already.
    if (positionOf !== undefined) return;
    const appendedMs = appendedAtMs(entry, this.#dependencies.brokerTimeMs());
    const changedMs = givenMs ?? appendedMs;
    const known = { state, id: entry.id, changedMs, endsMs: appendedMs + keepMs };
    this.#dependencies.revocations.apply(subject, stream, known);
  }
}
