// Audits the read receipts. They wait in coalescing windows that publishers of both builds share. The audit reads the
// published receipts from the stream.
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '@redis/client';

/** Result of the audit. */
export interface ReceiptJudgement {
  readonly accepted: number;
  /** Number of receipts in the stream. Each may contain several accepted receipts. */
  readonly stored: number;
  readonly lost: number;
  readonly twice: number;
}

const stream = 'events:chat';
const pageEntries = 1_000;
const waitMs = 15_000;

const connect = (url: string) => createClient({ url }).connect();
type Redis = Awaited<ReturnType<typeof connect>>;

/** Reads the stream while it grows, before entries are trimmed. */
export class ReceiptAudit implements AsyncDisposable {
  readonly #redis: Redis;
  /** The number of receipts in the stream that contain each message ID. */
  readonly #times = new Map<string, number>();
  #after = '0-0';
  #stored = 0;

  private constructor(redis: Redis) {
    this.#redis = redis;
  }

  static async start(url: string): Promise<ReceiptAudit> {
    return new ReceiptAudit(await connect(url));
  }

  /** Reads to the end of the stream. */
  async read(): Promise<void> {
    for (;;) {
      const entries = await this.#redis.xRange(stream, `(${this.#after}`, '+', { COUNT: pageEntries });
      for (const entry of entries ?? []) {
        if (entry === null) continue;
        const { id, message } = entry;
        this.#after = id;
        if (message['event_type'] === 'read_receipt') this.#note(message['payload'] ?? '{}');
      }
      if ((entries ?? []).length < pageEntries) return;
    }
  }

  /**
   * Waits until every accepted receipt is in the stream, or until the time limit. Then resets the counts for
   * the next judgement.
   */
  async judge(accepted: readonly string[]): Promise<ReceiptJudgement> {
    const isLost = (id: string): boolean => !this.#times.has(id);
    for (const endMs = performance.now() + waitMs; performance.now() < endMs; await pause(100)) {
      await this.read();
      if (!accepted.some(isLost)) break;
    }
    const judgement = {
      accepted: accepted.length,
      stored: this.#stored,
      lost: accepted.filter(isLost).length,
      twice: [...this.#times.values()].filter((times) => times > 1).length,
    };
    this.#times.clear();
    this.#stored = 0;
    return judgement;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#redis.close();
  }

  #note(payload: string): void {
    this.#stored += 1;
    // The cast is safe: a publisher has checked the payload.
    const { message_ids } = JSON.parse(payload) as { readonly message_ids: readonly string[] };
    for (const id of message_ids) this.#times.set(id, (this.#times.get(id) ?? 0) + 1);
  }
}
