// The users whom one indicator shows in a room, such as users who are typing. Each expires after some time, because the event
// that ends the indicator may never arrive.
import { type Clock, userKey } from '@millrace/internal';
import type { TypingUser } from '../delivery/events.js';

/** Dependencies of {@link ShownUsers}. */
export interface ShownUsersDependencies {
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** Time after which an indicator ends if no new event arrives. */
  readonly expiryMs: number;
  /** Maximum number of users in the list. Above it, the user whose last event is oldest is removed. */
  readonly maxUsers: number;
  /** Called when the list has changed. */
  readonly onChange: () => void;
}

interface Shown {
  readonly user: TypingUser;
  readonly endsAtMs: number;
}

/** The users that one indicator shows in one room. */
export class ShownUsers {
  readonly #dependencies: ShownUsersDependencies;
  /** The users by their {@link userKey}. The user whose last event is oldest comes first. */
  #shown = new Map<string, Shown>();
  #users: readonly TypingUser[] = [];
  #cancelTimer: (() => void) | undefined;

  constructor(dependencies: ShownUsersDependencies) {
    this.#dependencies = dependencies;
  }

  /** The users in the order in which they appeared. The array stays the same object until the list changes. */
  get users(): readonly TypingUser[] {
    return this.#users;
  }

  start(user: TypingUser): void {
    const id = userKey(user.user_id);
    this.#shown.delete(id);
    this.#add(id, user);
    this.#update();
  }

  stop(userId: string): void {
    if (this.#shown.delete(userKey(userId))) this.#update();
  }

  /** Replaces the list with the users from the answer to a join. */
  replace(users: readonly TypingUser[]): void {
    this.#shown.clear();
    for (const user of users) this.#add(userKey(user.user_id), user);
    this.#update();
  }

  #add(id: string, { user_id, username }: TypingUser): void {
    const endsAtMs = this.#dependencies.clock.monotonicMs() + this.#dependencies.expiryMs;
    this.#shown.set(id, { user: { user_id, username }, endsAtMs });
    const [oldest] = this.#shown.keys();
    if (this.#shown.size > this.#dependencies.maxUsers && oldest !== undefined) this.#shown.delete(oldest);
  }

  #update(): void {
    this.#setTimer();
    const users = this.#inOrderOfAppearance();
    if (isSameList(users, this.#users)) return;
    this.#users = users;
    this.#dependencies.onChange();
  }

  /**
   * Returns the users in the order of their appearance. Listed users keep their place, so that names do not move with every
   * new event.
   */
  #inOrderOfAppearance(): readonly TypingUser[] {
    const listed = this.#users.map(({ user_id: userId }) => userKey(userId));
    const ids = new Set([...listed, ...this.#shown.keys()]);
    return [...ids].flatMap((id) => this.#shown.get(id)?.user ?? []);
  }

  /** Sets the only timer to the time at which the next user expires. */
  #setTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const [first] = this.#shown.values();
    if (first === undefined) return;
    const { clock } = this.#dependencies;
    this.#cancelTimer = clock.startTimer(() => this.#expire(), first.endsAtMs - clock.monotonicMs());
  }

  #expire(): void {
    const nowMs = this.#dependencies.clock.monotonicMs();
    for (const [id, { endsAtMs }] of this.#shown) {
      if (endsAtMs <= nowMs) this.#shown.delete(id);
    }
    this.#update();
  }
}

function isSameList(left: readonly TypingUser[], right: readonly TypingUser[]): boolean {
  return (
    left.length === right.length &&
    left.every((user, index) => {
      const other = right[index];
      return user.user_id === other?.user_id && user.username === other.username;
    })
  );
}
