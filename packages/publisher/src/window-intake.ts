// The way of inputs into one shared window: one call is under way, and what comes meanwhile forms the next one.
import { BrokerError, type WindowAddition, type WindowInput } from '@millrace/broker';
import type { StreamEvent } from '@millrace/contract';

/** What the owner of an intake learns of each call. */
export type Admission = Pick<WindowAddition, 'isOpened' | 'dueInMs'>;

/** What an intake needs. */
export interface WindowIntakePorts {
  add(inputs: readonly WindowInput[]): Promise<WindowAddition>;
  /** Flushes the window, because it is full. */
  makeRoom(): Promise<void>;
  onAdmission(admission: Admission): void;
}

/** An input on its way. */
export interface IntakeInput extends WindowInput {
  readonly key: string;
  readonly event: StreamEvent;
}

/** An input whose caller waits. */
export interface Waiting {
  readonly input: IntakeInput;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

/** Inputs that may wait for one window; beyond it an addition is refused. */
const MAX_QUEUED = 10_000;
const MAX_BATCH_INPUTS = 256;
const MAX_BATCH_CHARS = 262_144;
/** Flushes tried before an addition to a window that stays full is refused. */
const MAX_ATTEMPTS = 2;

/** Idle → Adding → Idle. Inputs enter in the order of the calls. */
export class WindowIntake {
  readonly #ports: WindowIntakePorts;
  #queue: Waiting[] = [];
  #adding: Promise<void> | undefined;

  constructor(ports: WindowIntakePorts) {
    this.#ports = ports;
  }

  get isIdle(): boolean {
    return this.#adding === undefined;
  }

  /**
   * Resolves when the window has the input.
   * @throws BrokerError `overloaded` when too much waits, or as the store
   */
  add(input: IntakeInput): Promise<void> {
    if (this.#queue.length >= MAX_QUEUED) return Promise.reject(overloaded());
    return new Promise((resolve, reject) => {
      this.#queue.push({ input, resolve, reject });
      // At the end of this turn, so that one loop of the caller makes one call.
      this.#adding ??= Promise.resolve().then(() => this.#addAll());
    });
  }

  /** Takes out what waits for a key and was not sent yet. */
  withdraw(key: string): readonly Waiting[] {
    const withdrawn = this.#queue.filter(({ input }) => input.key === key);
    if (withdrawn.length > 0) this.#queue = this.#queue.filter(({ input }) => input.key !== key);
    return withdrawn;
  }

  /** Resolves when nothing is under way. Never rejects. */
  async idle(): Promise<void> {
    await this.#adding;
  }

  async #addAll(): Promise<void> {
    for (let attempts = 0; this.#queue.length > 0; ) {
      const batch = this.#takeBatch();
      const left = await this.#addBatch(batch);
      attempts = left.length === batch.length ? attempts + 1 : 0;
      if (left.length === 0) continue;
      if (attempts >= MAX_ATTEMPTS) {
        for (const { reject } of left) reject(overloaded());
        continue;
      }
      this.#queue.unshift(...left);
      await this.#ports.makeRoom();
    }
    // In the turn in which nothing was left: what comes next begins anew.
    this.#adding = undefined;
  }

  /** Those for which the window had no room. */
  async #addBatch(batch: readonly Waiting[]): Promise<readonly Waiting[]> {
    try {
      const { outcomes, ...admission } = await this.#ports.add(
        batch.map(({ input: { id, text } }) => ({ id, text })),
      );
      this.#ports.onAdmission(admission);
      return batch.filter(({ resolve }, at) => {
        if (outcomes[at] === 'full') return true;
        resolve();
        return false;
      });
    } catch (cause) {
      for (const { reject } of batch) reject(cause);
      return [];
    }
  }

  #takeBatch(): Waiting[] {
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
  return new BrokerError('overloaded', 'The coalescing window is full and could not be flushed');
}
