/* Counts the turns of the event loop that write to sockets. Uncorks those sockets at the end of each turn. */

/** A socket that holds back written bytes. */
export interface Corked {
  uncork(): void;
}

/** The process has only one such object. A turn without writes costs nothing, and a turn with writes costs one callback. */
class WriteTurn {
  #number = 1;
  #isEnding = false;
  /** The sockets to uncork at the end of this turn. Open sockets bound their number. */
  #corked: Corked[] = [];

  /** Returns the number of this turn. The next turn begins with the next `process.nextTick`, after the running code. */
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
