/*
 * The turns of the event loop in which sockets are written to, and the sockets to uncork at the end of each.
 */

/** A socket that holds back written bytes. */
export interface Corked {
  uncork(): void;
}

/** One for the process: a turn without writes costs nothing, a turn with writes costs one callback. */
class WriteTurn {
  #number = 1;
  #isEnding = false;
  /** Bounded by the number of sockets. */
  #corked: Corked[] = [];

  /** The number of this turn. The next turn begins when the running code, its promises included, has ended. */
  current(): number {
    if (!this.#isEnding) {
      this.#isEnding = true;
      process.nextTick(this.#end);
    }
    return this.#number;
  }

  /** Uncorks the socket at the end of this turn. */
  atEnd(socket: Corked): void {
    this.#corked.push(socket);
  }

  readonly #end = (): void => {
    this.#number += 1;
    this.#isEnding = false;
    if (this.#corked.length === 0) return;
    const corked = this.#corked;
    this.#corked = [];
    for (const socket of corked) socket.uncork();
  };
}

export const writeTurn = new WriteTurn();
