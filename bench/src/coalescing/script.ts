// A script of 50 users who type in 10 rooms. Their events go to 3 publishers at random, as behind a load balancer. The script
// is the same in every run.
import { createHash } from 'node:crypto';

/** Users, rooms and publisher processes of the script. */
export const CAST = { users: 50, rooms: 10, publishers: 3 } as const;

/** One event of the script. */
export interface Action {
  readonly atMs: number;
  readonly publisher: number;
  readonly roomId: string;
  readonly userId: string;
  readonly isTyping: boolean;
}

/** Range of the time between two keystrokes of one user. */
export interface KeyGap {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Returns a generator of numbers from 0 to 1. The same seed gives the same numbers. */
function numbers(seed: string): () => number {
  let count = 0;
  return () => {
    const digest = createHash('sha1').update(`${seed}/${count++}`).digest();
    return digest.readUInt32BE(0) / 2 ** 32;
  };
}

/** Returns a UUID that depends only on `text`, so that it is the same in every run. */
function uuidOf(text: string): string {
  const hex = createHash('sha1').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * Returns the script in the order of time. Each user types for 1 to 4 s, and then pauses for 1 to 3 s. Every keystroke is a start
 * of typing, and a stop follows the last keystroke.
 */
export function typingScript(seconds: number, { fromMs, toMs }: KeyGap): readonly Action[] {
  const actions: Action[] = [];
  for (let user = 0; user < CAST.users; user++) {
    const random = numbers(`user ${user}`);
    const between = (from: number, to: number): number => from + random() * (to - from);
    const who = { roomId: `room-${user % CAST.rooms}`, userId: uuidOf(`user ${user}`) };
    const add = (atMs: number, isTyping: boolean): void => {
      if (atMs >= seconds * 1_000) return;
      actions.push({ atMs, publisher: Math.floor(random() * CAST.publishers), ...who, isTyping });
    };
    for (let atMs = between(0, 2_000); atMs < seconds * 1_000; atMs += between(1_000, 3_000)) {
      const endMs = atMs + between(1_000, 4_000);
      for (; atMs < endMs; atMs += between(fromMs, toMs)) add(atMs, true);
      add(atMs, false);
    }
  }
  return actions.sort((a, b) => a.atMs - b.atMs);
}
