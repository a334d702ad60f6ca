// The queue of one room's read receipts. It merges receipts, keeps them while the client is offline, and repeats them until
// the gateway accepts them.
import { type BackOffOptions, backOffDelayMs, type Clock } from '@millrace/internal';
import { ClientError, isTemporary, messageOf, type ReportError } from '../client-error.js';

/** Dependencies of a {@link ReceiptQueue}. */
export interface ReceiptQueueDependencies {
  readonly roomId: string;
  readonly clock: Pick<Clock, 'startTimer'>;
  readonly random: () => number;
  readonly retry: BackOffOptions;
  /** Maximum number of waiting message IDs, and of IDs in one call. Above it, the oldest are dropped. */
  readonly maxIds: number;
  readonly report: ReportError;
}

/** Sends message IDs. Rejects if the gateway did not accept them. */
export type SendReceipts = (messageIds: readonly string[]) => Promise<unknown>;

/** The receipts are dropped and an error is reported after this number of refusals. "Try again" is not a refusal. */
const MAX_REFUSALS = 5;

/**
 * States: closed (the room is not joined) → open → sending → open. After a refusal: sending → waiting → sending.
 *
 * One call runs at a time. Receipts that are added meanwhile are merged into the next call. A batch that is being sent when
 * the queue closes is sent again later. A receipt that arrives twice is harmless.
 */
export class ReceiptQueue {
  readonly #dependencies: ReceiptQueueDependencies;
  /**
   * The waiting message IDs. The key is the ID in lower case, and the value is the ID as given. The oldest
   * IDs come first.
   */
  #waiting = new Map<string, string>();
  #sending = new Map<string, string>();
  /** Sends receipts. `undefined` while the queue is closed. */
  #send: SendReceipts | undefined;
  #cancelRetry: (() => void) | undefined;
  #refusals = 0;
  /** Number of failed attempts in a row, for the back-off. */
  #failures = 0;

  constructor(dependencies: ReceiptQueueDependencies) {
    this.#dependencies = dependencies;
  }

  add(messageIds: readonly string[]): void {
    for (const id of messageIds) this.#waiting.set(id.toLowerCase(), id);
    this.#dropOldest();
    this.#pump();
  }

  /** Opens the queue, because the room is joined. `send` sends the receipts from now on. */
  open(send: SendReceipts): void {
    this.#send = send;
    this.#forgetFailures();
    this.#pump();
  }

  /** Closes the queue, because the room is no longer joined. */
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
    // The answer belongs to a lost connection. The batch is already waiting again.
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
    const message = `${count} read receipts were dropped: ${messageOf(cause)}`;
    report(new ClientError('refused', message, { roomId, cause }));
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
