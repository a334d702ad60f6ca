// Adds inputs to one window. One call to the store runs at a time, and the next call adds the inputs that arrive meanwhile.
import { BrokerError, type WindowAddition, type WindowInput } from '@millrace/broker';
import type { StreamEvent } from '@millrace/contract';

/** The part of the store's answer that concerns the window itself, not its inputs. */
export type WindowTiming = Pick<WindowAddition, 'isOpened' | 'dueInMs'>;

/** Dependencies of {@link WindowIntake}. */
export interface WindowIntakeDependencies {
  add(inputs: readonly WindowInput[]): Promise<WindowAddition>;
  /** Flushes the window, because it is full. */
  makeRoom(): Promise<void>;
  onAdded(timing: WindowTiming): void;
}

/** An input with its key, and with the event from which it was made. */
export interface IntakeInput extends WindowInput {
  readonly key: string;
  readonly event: StreamEvent;
}

/** An input that is not in its window yet, and the callbacks of its caller. */
export interface PendingInput {
  readonly input: IntakeInput;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

/** Maximum number of inputs that wait for one window. Further inputs are refused. */
const MAX_QUEUED = 10_000;
const MAX_BATCH_INPUTS = 256;
const MAX_BATCH_CHARS = 262_144;
/**
 * Inputs are refused after this many attempts in a row that find the window full. The window is flushed between two attempts.
 */
const MAX_ATTEMPTS = 2;

/** States: idle → adding → idle. Adds inputs in the order of the calls. */
export class WindowIntake {
  readonly #dependencies: WindowIntakeDependencies;
  #queue: PendingInput[] = [];
  #isIdle = true;
  readonly #onIdle: (() => void)[] = [];

  constructor(dependencies: WindowIntakeDependencies) {
    this.#dependencies = dependencies;
  }

  get isIdle(): boolean {
    return this.#isIdle;
  }

  /**
   * Resolves the input when the window contains it. Rejects it with the store's error, or with BrokerError `overloaded` if
   * too many inputs wait or the window stays full.
   */
  add(pending: PendingInput): void {
    if (this.#queue.length >= MAX_QUEUED) return pending.reject(overloaded());
    this.#queue.push(pending);
    if (!this.#isIdle) return;
    this.#isIdle = false;
    // The call starts at the end of this turn of the event loop, so that it adds all inputs of the turn.
    queueMicrotask(() => void this.#addAll());
  }

  /** Removes and returns the inputs of a key that were not sent yet. */
  withdraw(key: string): readonly PendingInput[] {
    const withdrawn = this.#queue.filter(({ input }) => input.key === key);
    if (withdrawn.length > 0) this.#queue = this.#queue.filter(({ input }) => input.key !== key);
    return withdrawn;
  }

  /** Resolves when no input waits to be added. */
  async idle(): Promise<void> {
    if (!this.#isIdle) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Adds all waiting inputs. Never rejects. */
  async #addAll(): Promise<void> {
    for (let attempts = 0; this.#queue.length > 0; ) {
      const batch = this.#takeBatch();
      let left: readonly PendingInput[] = [];
      try {
        const { outcomes, isOpened, dueInMs } = await this.#dependencies.add(batch.map(({ input }) => input));
        this.#dependencies.onAdded({ isOpened, dueInMs });
        left = batch.filter((_, at) => outcomes[at] === 'full');
        for (const [at, { resolve }] of batch.entries()) if (outcomes[at] !== 'full') resolve();
      } catch (cause) {
        for (const { reject } of batch) reject(cause);
      }
      attempts = left.length === batch.length ? attempts + 1 : 0;
      if (left.length === 0) continue;
      if (attempts < MAX_ATTEMPTS) {
        this.#queue.unshift(...left);
        await this.#dependencies.makeRoom();
      } else {
        attempts = 0;
        for (const { reject } of left) reject(overloaded());
      }
    }
    // The state becomes idle in the turn in which the queue was found empty. Therefore a later input starts this loop again.
    this.#isIdle = true;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #takeBatch(): PendingInput[] {
    let chars = 0;
    let count = 0;
    for (const { input } of this.#queue) {
      chars += input.text.length;
      if (count > 0 && (count >= MAX_BATCH_INPUTS || chars > MAX_BATCH_CHARS)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }
}

function overloaded(): BrokerError {
  return new BrokerError(
    'overloaded',
    'The coalescing window is full and could not be flushed; publish the event again later.',
  );
}
