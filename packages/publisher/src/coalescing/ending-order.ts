// Keeps this process's order between inputs of a window and the events that end them. A window and a stream are reached on two ways,
// and Redis must see both in the order of the calls.
import { BrokerError, type EntryId, type WindowEnding } from '@millrace/broker';

/** An ending event that is being sent to its stream, such as a message that ends its sender's typing. */
export interface PendingEnding {
  /** The inputs that it ends in the broker, in the step that stores it. */
  readonly ends?: WindowEnding;
  /**
   * Call it once: with the entry's ID when the event was stored; without one when it was not stored, or was stored before. In both
   * of these cases it has ended nothing.
   */
  settle(id?: EntryId): void;
}

/** An input that waits behind an ending event. */
export interface DeferredInput {
  /** Sends the input to its window. */
  send(): void;
  /** Drops the input, because a later event ended it. */
  drop(): void;
}

/** One ending event that is not stored yet. */
interface Ending {
  /** The inputs between the ending event before and this one. */
  before: DeferredInput[];
}

/** The ending events of one key that are not stored yet, and the inputs around them. */
interface KeyOrder {
  /** In the order of the calls. */
  readonly endings: Ending[];
  /** The inputs behind the last ending event. */
  after: DeferredInput[];
}

/** Most inputs that are deferred at a time; further ones are refused. The publish queue bounds the ending events. */
const MAX_DEFERRED = 10_000;

/** By key: free → deferring while an ending event is being sent → free. */
export class EndingOrder {
  readonly #keys = new Map<string, KeyOrder>();
  readonly #onIdle: (() => void)[] = [];
  #deferredCount = 0;

  /** True while an ending event of this key is being sent: an input must wait for it. */
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
   * An ending event is about to be sent; the inputs of `before` waited for their window until now. Call the result when the event is
   * stored, which drops the inputs before it, or when it is not.
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
