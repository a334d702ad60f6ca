// Read receipts of one room on their way to the gateway: united, kept while offline, sent until they are accepted.
import { type BackOffOptions, backOffDelayMs, type Clock } from '@millrace/internal';
import { ClientError, isTemporary, type ReportError } from '../client-error.js';

/** What a {@link ReceiptQueue} needs. */
export interface ReceiptQueueDependencies {
  readonly roomId: string;
  readonly clock: Pick<Clock, 'startTimer'>;
  readonly random: () => number;
  readonly retry: BackOffOptions;
  /** Most message IDs kept, and sent at once; at the bound the oldest go. */
  readonly maxIds: number;
  readonly report: ReportError;
}

/** Sends message IDs; rejects when the gateway did not take them. */
export type SendReceipts = (messageIds: readonly string[]) => Promise<unknown>;

/** After so many refusals the receipts are dropped and reported. Answers to try again later do not count. */
const MAX_REFUSALS = 5;

/**
 * closed (the room is not joined) → open → sending → open, or waiting after a refusal → sending. One call at a time;
 * what comes meanwhile is united and goes with the next. What was under way when the room closed is sent again later: a
 * receipt that arrives twice is harmless.
 */
export class ReceiptQueue {
  readonly #dependencies: ReceiptQueueDependencies;
  /** ID in lower case → ID as given, oldest first. */
  #waiting = new Map<string, string>();
  #underWay = new Map<string, string>();
  /** `undefined`: closed. */
  #send: SendReceipts | undefined;
  #cancelRetry: (() => void) | undefined;
  #refusals = 0;
  /** Attempts in a row that were not taken, for the back-off. */
  #failures = 0;

  constructor(dependencies: ReceiptQueueDependencies) {
    this.#dependencies = dependencies;
  }

  /** How many message IDs wait or are under way. */
  get size(): number {
    return this.#waiting.size + this.#underWay.size;
  }

  add(messageIds: readonly string[]): void {
    for (const id of messageIds) this.#waiting.set(id.toLowerCase(), id);
    this.#dropOldest();
    this.#pump();
  }

  /** The room is joined: `send` works from now on. */
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

  /** Empties it; returns what had not been sent. */
  takeAll(): readonly string[] {
    const messageIds = [...this.#waiting.values()];
    this.#waiting.clear();
    return messageIds;
  }

  #pump(): void {
    const send = this.#send;
    if (send === undefined || this.#underWay.size > 0 || this.#waiting.size === 0 || this.#cancelRetry)
      return;
    const batch = this.#waiting;
    this.#underWay = batch;
    this.#waiting = new Map();
    send([...batch.values()]).then(
      () => this.#settled(batch, undefined),
      (error: unknown) => this.#settled(batch, error),
    );
  }

  #settled(batch: ReadonlyMap<string, string>, error: unknown): void {
    // Of a connection that is gone: the batch was taken back then.
    if (batch !== this.#underWay) return;
    if (error === undefined) {
      this.#underWay = new Map();
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
    const count = this.#underWay.size;
    this.#underWay = new Map();
    this.#forgetFailures();
    const reason = cause instanceof Error ? cause.message : String(cause);
    report(new ClientError('refused', `${count} read receipts were dropped: ${reason}`, { roomId, cause }));
  }

  #forgetFailures(): void {
    this.#refusals = 0;
    this.#failures = 0;
  }

  #takeBack(): void {
    this.#waiting = new Map([...this.#underWay, ...this.#waiting]);
    this.#underWay = new Map();
    this.#dropOldest();
  }

  #dropOldest(): void {
    for (const id of this.#waiting.keys()) {
      if (this.#waiting.size <= this.#dependencies.maxIds) return;
      this.#waiting.delete(id);
    }
  }
}
