// The queue of one room's read receipts: they are united, kept while offline, and sent until the gateway accepts them.
import { type BackOffOptions, backOffDelayMs, type Clock } from '@millrace/internal';
import { ClientError, isTemporary, type ReportError } from '../client-error.js';

/** Dependencies of a {@link ReceiptQueue}. */
export interface ReceiptQueueDependencies {
  readonly roomId: string;
  readonly clock: Pick<Clock, 'startTimer'>;
  readonly random: () => number;
  readonly retry: BackOffOptions;
  /** Most message IDs kept, and sent in one call; at the bound the oldest are dropped. */
  readonly maxIds: number;
  readonly report: ReportError;
}

/** Sends message IDs; rejects when the gateway did not accept them. */
export type SendReceipts = (messageIds: readonly string[]) => Promise<unknown>;

/** After this many refusals the receipts are dropped and reported. Answers with "Try again" do not count. */
const MAX_REFUSALS = 5;

/**
 * closed (the room is not joined) → open → sending → open, or waiting after a refusal → sending. One call runs at a time;
 * receipts that are added meanwhile are united and sent with the next. A batch that was being sent when the queue closed is sent
 * again later: a receipt that arrives twice is harmless.
 */
export class ReceiptQueue {
  readonly #dependencies: ReceiptQueueDependencies;
  /** ID in lower case → ID as given, oldest first. */
  #waiting = new Map<string, string>();
  #sending = new Map<string, string>();
  /** `undefined`: closed. */
  #send: SendReceipts | undefined;
  #cancelRetry: (() => void) | undefined;
  #refusals = 0;
  /** Attempts in a row that failed, for the back-off. */
  #failures = 0;

  constructor(dependencies: ReceiptQueueDependencies) {
    this.#dependencies = dependencies;
  }

  /** Number of message IDs that wait or are being sent. */
  get size(): number {
    return this.#waiting.size + this.#sending.size;
  }

  add(messageIds: readonly string[]): void {
    for (const id of messageIds) this.#waiting.set(id.toLowerCase(), id);
    this.#dropOldest();
    this.#pump();
  }

  /** The room is joined: the queue sends with `send` from now on. */
  open(send: SendReceipts): void {
    this.#send = send;
    this.#forgetFailures();
    this.#pump();
  }

  /** The room is not joined any more. */
  close(): void {
    this.#send = undefined;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#takeBack();
  }

  /** Empties the queue and returns the IDs that were not sent. */
  takeAll(): readonly string[] {
    const messageIds = [...this.#waiting.values()];
    this.#waiting.clear();
    return messageIds;
  }

  #pump(): void {
    const send = this.#send;
    if (send === undefined || this.#sending.size > 0 || this.#waiting.size === 0 || this.#cancelRetry) return;
    const batch = this.#waiting;
    this.#sending = batch;
    this.#waiting = new Map();
    send([...batch.values()]).then(
      () => this.#settled(batch, undefined),
      (error: unknown) => this.#settled(batch, error),
    );
  }

  #settled(batch: ReadonlyMap<string, string>, error: unknown): void {
    // The answer belongs to a lost connection: the batch is waiting again.
    if (batch !== this.#sending) return;
    if (error === undefined) {
      this.#sending = new Map();
      this.#forgetFailures();
    } else {
      this.#failures++;
      if (!isTemporary(error)) this.#refusals++;
      if (this.#refusals < MAX_REFUSALS) this.#retryLater();
      else this.#giveUp(error);
    }
    this.#pump();
  }

  #retryLater(): void {
    this.#takeBack();
    const { clock, retry, random } = this.#dependencies;
    this.#cancelRetry = clock.startTimer(
      () => {
        this.#cancelRetry = undefined;
        this.#pump();
      },
      backOffDelayMs(this.#failures, retry, random()),
    );
  }

  #giveUp(cause: unknown): void {
    const { roomId, report } = this.#dependencies;
    const count = this.#sending.size;
    this.#sending = new Map();
    this.#forgetFailures();
    const reason = cause instanceof Error ? cause.message : String(cause);
    report(new ClientError('refused', `${count} read receipts were dropped: ${reason}`, { roomId, cause }));
  }

  #forgetFailures(): void {
    this.#refusals = 0;
    this.#failures = 0;
  }

  #takeBack(): void {
    this.#waiting = new Map([...this.#sending, ...this.#waiting]);
    this.#sending = new Map();
    this.#dropOldest();
  }

  #dropOldest(): void {
    for (const id of this.#waiting.keys()) {
      if (this.#waiting.size <= this.#dependencies.maxIds) return;
      this.#waiting.delete(id);
    }
  }
}
