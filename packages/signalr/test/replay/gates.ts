/*
 * Named gates: one part of a test waits for a gate, and another part opens it.
 */

/** Gates by their names. A gate is created when its name is used for the first time. */
export class Gates {
  readonly #gates = new Map<string, Gate>();

  opened(name: string): Promise<void> {
    return this.#gate(name).promise;
  }

  open(name: string): void {
    this.#gate(name).resolve();
  }

  #gate(name: string): Gate {
    const known = this.#gates.get(name);
    if (known !== undefined) return known;
    const gate = withResolvers();
    this.#gates.set(name, gate);
    return gate;
  }
}

interface Gate {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

/** A promise with its `resolve` function. */
function withResolvers(): Gate {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** A counter. Other code can wait until the count reaches a number. */
export class Arrivals {
  readonly #gates = new Gates();
  #count = 0;

  add(): void {
    this.#count += 1;
    this.#gates.open(`${this.#count}`);
  }

  async reached(count: number): Promise<void> {
    if (count > this.#count) await this.#gates.opened(`${count}`);
  }
}
