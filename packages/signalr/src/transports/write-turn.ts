/*
 * Turns of the event loop, as far as sockets are written to in them, and what is left to do at the end of each.
 */

/** A socket that holds back what was written to it. */
export interface Corked {
  uncork(): void;
}

/** One for the process: a turn in which nobody writes costs nothing, and one in which somebody does costs one callback. */
class WriteTurn {
  #number = 1;
  #isEnding = false;
  /** At most as many as there are sockets. */
  #corked: Corked[] = [];

  /** The number of this turn. The next one begins when the code that runs now, its promises included, has come to its end. */
  current(): number {
    if (!this.#isEnding) {
      this.#isEnding = true;
      process.nextTick(this.#end);
    }
    return this.#number;
  }

  /** Uncorks it at the end of this turn. */
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
