// Keeps the order of this process between what waits for a window and the events that end it: a window and a stream are reached
// on two ways, and the order of the calls must be the order in which Redis sees them.
import { BrokerError, type EntryId, type WindowEnding } from '@millrace/broker';

/** An ending event on its way to its stream. */
export interface EndingUnderWay {
  /** Inputs that it ends in the broker, in the step that stores it. */
  readonly ends?: WindowEnding;
  /**
   * To be called once: with the entry's ID when it was stored; without one when it was not, or was there already. Then it has
   * ended nothing.
   */
  settle(id?: EntryId): void;
}

/** An input that is held back. */
export interface HeldInput {
  /** Sends it to its window. */
  send(): void;
  /** It was ended. */
  drop(): void;
}

/** One ending event that is under way. */
interface Turn {
  /** Came before it, and behind the turn before. */
  before: HeldInput[];
}

interface Key {
  readonly turns: Turn[];
  /** Came behind all turns. */
  behind: HeldInput[];
}

/** Inputs held back at one time; beyond it further ones are refused. Events that end something are bounded by the outbox. */
const MAX_HELD = 10_000;

/** By key: Free → Held while an ending event is under way → Free. */
export class MessageTurns {
  readonly #keys = new Map<string, Key>();
  readonly #onIdle: (() => void)[] = [];
  #held = 0;

  /** True while an ending event is under way: then an input must wait for it. */
  isHolding(name: string): boolean {
    return this.#keys.has(name);
  }

  /**
   * Takes an input that must wait for an ending event.
   * @throws BrokerError `overloaded`
   */
  hold(name: string, input: HeldInput): void {
    if (this.#held >= MAX_HELD)
      throw new BrokerError('overloaded', 'Too much waits behind events on their way');
    this.#held += 1;
    this.#keys.get(name)?.behind.push(input);
  }

  /**
   * An ending event begins its way; `before` waited for its window until now. The result is to be called when it is stored,
   * which drops what came before it, or not.
   */
  begin(name: string, before: readonly HeldInput[]): (isStored: boolean) => void {
    const key = this.#keys.get(name) ?? { turns: [], behind: [] };
    this.#keys.set(name, key);
    this.#held += before.length;
    const turn: Turn = { before: [...key.behind, ...before] };
    key.behind = [];
    key.turns.push(turn);
    return (isStored) => this.#settle(name, key, { turn, isStored });
  }

  /** Resolves when nothing is held back. */
  idle(): Promise<void> {
    if (this.#held === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #settle(
    name: string,
    key: Key,
    { turn, isStored }: { readonly turn: Turn; readonly isStored: boolean },
  ): void {
    const at = key.turns.indexOf(turn);
    if (isStored) {
      for (const earlier of key.turns.slice(0, at + 1)) this.#release(earlier.before.splice(0), 'drop');
    } else {
      const next = key.turns[at + 1];
      if (next === undefined) key.behind.unshift(...turn.before);
      else next.before.unshift(...turn.before);
    }
    key.turns.splice(at, 1);
    if (key.turns.length > 0) return;
    this.#keys.delete(name);
    this.#release(key.behind, 'send');
  }

  #release(inputs: readonly HeldInput[], how: 'send' | 'drop'): void {
    this.#held -= inputs.length;
    for (const input of inputs) input[how]();
    if (this.#held === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}
