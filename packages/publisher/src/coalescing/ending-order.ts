// Keeps the order between the inputs of a window and the events that end them. Inputs go to a window and ending events to a
// stream, in separate commands. Redis must still receive them in the order of the calls.
import { BrokerError, type EntryId, type WindowEnding } from '@millrace/broker';

/** An ending event that is being sent to its stream, such as a message that ends its sender's typing. */
export interface PendingEnding {
  /**
   * The inputs that the event ends in the broker. The broker stores the event and ends these inputs in one
   * step.
   */
  readonly ends?: WindowEnding;
  /**
   * Reports the outcome of the event. Call it once. Pass the entry's ID if the event was newly stored. Pass no ID if the
   * event was not stored, or if it repeats a stored event. It has ended no input in these two cases.
   */
  settle(id?: EntryId): void;
}

/** An input that waits for the outcome of an ending event. */
export interface DeferredInput {
  /** Sends the input to its window. */
  send(): void;
  /** Drops the input, because a later event ended it. */
  drop(): void;
}

/** One ending event that is not stored yet. */
interface Ending {
  /** The inputs that came before this ending event, and after the previous ending event. */
  before: DeferredInput[];
}

/** The ending events of one key that are not stored yet, and the inputs that wait for their outcome. */
interface KeyOrder {
  /** The ending events, in the order of the calls. */
  readonly endings: Ending[];
  /** The inputs that came after the last ending event. */
  after: DeferredInput[];
}

/** Maximum number of deferred inputs. Further inputs are refused. The publish queue limits the number of ending events. */
const MAX_DEFERRED = 10_000;

/** States of a key: free → deferring (while an ending event is being sent) → free. */
export class EndingOrder {
  readonly #keys = new Map<string, KeyOrder>();
  readonly #onIdle: (() => void)[] = [];
  #deferredCount = 0;

  /** True while an ending event of this key is being sent. Inputs of the key must then be deferred. */
  isDeferring(name: string): boolean {
    return this.#keys.has(name);
  }

  /**
   * Accepts an input that must wait for an ending event.
   * @throws BrokerError `overloaded`
   */
  defer(name: string, input: DeferredInput): void {
    if (this.#deferredCount >= MAX_DEFERRED)
      throw new BrokerError(
        'overloaded',
        `More than ${MAX_DEFERRED} inputs wait for events that end them; publish the event again later.`,
      );
    this.#deferredCount += 1;
    this.#keys.get(name)?.after.push(input);
  }

  /**
   * Registers an ending event that is about to be sent. Call the returned function when the outcome is known. If the event was
   * stored, the inputs before it are dropped. Otherwise they are kept, as if there were no ending event.
   * @param before inputs of the key that were still waiting to be sent to their window
   */
  begin(name: string, before: readonly DeferredInput[]): (isStored: boolean) => void {
    const key = this.#keys.get(name) ?? { endings: [], after: [] };
    this.#keys.set(name, key);
    this.#deferredCount += before.length;
    const ending: Ending = { before: [...key.after, ...before] };
    key.after = [];
    key.endings.push(ending);
    return (isStored) => this.#settle(name, key, { ending, isStored });
  }

  /** Resolves when no input is deferred. */
  idle(): Promise<void> {
    if (this.#deferredCount === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #settle(
    name: string,
    key: KeyOrder,
    { ending, isStored }: { readonly ending: Ending; readonly isStored: boolean },
  ): void {
    const at = key.endings.indexOf(ending);
    if (isStored) {
      for (const earlier of key.endings.slice(0, at + 1)) this.#release(earlier.before.splice(0), 'drop');
    } else {
      const next = key.endings[at + 1];
      if (next === undefined) key.after.unshift(...ending.before);
      else next.before.unshift(...ending.before);
    }
    key.endings.splice(at, 1);
    if (key.endings.length > 0) return;
    this.#keys.delete(name);
    this.#release(key.after, 'send');
  }

  #release(inputs: readonly DeferredInput[], how: 'send' | 'drop'): void {
    this.#deferredCount -= inputs.length;
    for (const input of inputs) input[how]();
    if (this.#deferredCount === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}
