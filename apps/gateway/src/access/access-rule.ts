// The rules that decide which rooms a user may enter, apart from the user's own room, which is always open.
import { mayEnterRoom } from '../auth/room-access.js';
import type { User } from '../auth/token-verifier.js';

/** Answer to a question. `away`: the rule could not be asked now, or gave no answer, which refuses nobody. */
export type AccessDecision = 'allowed' | 'refused' | 'away';

/** An access rule: decides whether a user may enter a room. */
export interface AccessRule {
  /** The hub error of a refused user. */
  readonly refusal: string;
  /**
   * True if the answer can change while the user keeps the same token. Calls that need a joined room then ask again.
   */
  readonly isAskedAgain: boolean;
  /** Never rejects. Returns a promise only if the answer is not known yet. */
  decide(user: User, roomId: string): AccessDecision | Promise<AccessDecision>;
  /** Asks early for an answer that {@link AccessRule.decide} will soon need. */
  prepare?(user: User, roomId: string): void;
  /**
   * Returns true if a user whose token was replaced may stay in a joined room. The user stays while the answer is unknown. A later
   * refusal makes the user's connections leave the room. @defaultValue true unless the decision is `refused`
   */
  mayStay?(user: User, roomId: string): boolean;
}

/** Opens every room to every user: the rule of development mode. */
export const openRule: AccessRule = {
  refusal: '',
  isAskedAgain: false,
  decide: () => 'allowed',
};

/** Opens the rooms that the claim `rooms` names. `onUnnamed` is called when a user without any room is refused. */
export function claimRule(onUnnamed: () => void): AccessRule {
  return {
    refusal: 'You may not enter this room: the token’s `rooms` claim does not name it.',
    isAskedAgain: false,
    decide(user, roomId) {
      if (mayEnterRoom(roomId, user)) return 'allowed';
      if (user.rooms.length === 0) onUnnamed();
      return 'refused';
    },
  };
}
