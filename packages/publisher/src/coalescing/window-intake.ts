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
  #isIdle = true;
  readonly #onIdle: (() => void)[] = [];

  constructor(ports: WindowIntakePorts) {
    this.#ports = ports;
  }

  get isIdle(): boolean {
    return this.#isIdle;
  }

  /** Resolves its caller when the window has the input; rejects with BrokerError `overloaded` when too much waits, or as the store. */
  add(waiting: Waiting): void {
    if (this.#queue.length >= MAX_QUEUED) return waiting.reject(overloaded());
    this.#queue.push(waiting);
    if (!this.#isIdle) return;
    this.#isIdle = false;
    // At the end of this turn, so that one loop of the caller makes one call.
    queueMicrotask(() => void this.#addAll());
  }

  /** Takes out what waits for a key and was not sent yet. */
  withdraw(key: string): readonly Waiting[] {
    const withdrawn = this.#queue.filter(({ input }) => input.key === key);
    if (withdrawn.length > 0) this.#queue = this.#queue.filter(({ input }) => input.key !== key);
    return withdrawn;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    if (!this.#isIdle) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Never rejects. */
  async #addAll(): Promise<void> {
    for (let attempts = 0; this.#queue.length > 0; ) {
      const batch = this.#takeBatch();
      let left: readonly Waiting[] = [];
      try {
        const { outcomes, isOpened, dueInMs } = await this.#ports.add(batch.map(({ input }) => input));
        this.#ports.onAdmission({ isOpened, dueInMs });
        left = batch.filter((_, at) => outcomes[at] === 'full');
        for (const [at, { resolve }] of batch.entries()) if (outcomes[at] !== 'full') resolve();
      } catch (cause) {
        for (const { reject } of batch) reject(cause);
      }
      attempts = left.length === batch.length ? attempts + 1 : 0;
      if (left.length === 0) continue;
      if (attempts < MAX_ATTEMPTS) {
        this.#queue.unshift(...left);
        await this.#ports.makeRoom();
      } else {
        attempts = 0;
        for (const { reject } of left) reject(overloaded());
      }
    }
    // Set in the turn in which nothing was left, so that the next addition begins anew.
    this.#isIdle = true;
    for (const resolve of this.#onIdle.splice(0)) resolve();
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
