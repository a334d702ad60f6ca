// Publishes the events of the outbox in order. Retries with the same event IDs until the broker has stored them.
import { setTimeout as pause } from 'node:timers/promises';
import type { EventOf, eventCatalog } from '@millrace/contract';
import type { Publisher } from '@millrace/publisher';
import type { TransactionalOutbox, WaitingEvent } from './transactional-outbox.js';

/** Dependencies and options of an {@link OutboxRelay}. */
export interface OutboxRelayOptions {
  readonly outbox: TransactionalOutbox;
  readonly publisher: Pick<Publisher<typeof eventCatalog>, 'publishEvents'>;
  readonly retryBaseMs: number;
  /** Called once when publishing fails, with the cause, and once when it works again. */
  readonly onStateChange: (state: 'delayed' | 'flowing', cause?: unknown) => void;
  /**
   * Called with an event that the contract refuses, which is a bug of the helpdesk. The event is removed, because it would
   * block all later events forever.
   */
  readonly onRejected: (event: WaitingEvent, cause: unknown) => void;
}

const retryMaxMs = 5_000;
const maxBatchSize = 100;

/**
 * States of a relay: idle → publishing → idle. If the database or the broker fails: publishing → waiting → publishing. Every
 * state can change to closed.
 */
export class OutboxRelay {
  readonly #options: OutboxRelayOptions;
  readonly #closing = new AbortController();
  #run: Promise<void> = Promise.resolve();
  #isPublishing = false;
  #failures = 0;

  /** Publishes what an earlier run left in the outbox, and the events of every later transaction. */
  constructor(options: OutboxRelayOptions) {
    this.#options = options;
    options.outbox.onCommit(() => this.#wake());
    this.#wake();
  }

  /** Resolves when the outbox is empty or the relay is closed. */
  async idle(): Promise<void> {
    while (this.#isPublishing) await this.#run;
  }

  /** Stops after the batch in flight. The next start publishes the remaining events. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#run;
  }

  #wake(): void {
    if (this.#isPublishing || this.#closing.signal.aborted) return;
    this.#isPublishing = true;
    this.#run = this.#publishAll();
  }

  async #publishAll(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        const batch = this.#options.outbox.peek(maxBatchSize);
        if (batch.length === 0) break;
        await this.#publishBatch(batch);
      } catch (cause) {
        await this.#waitAfter(cause);
      }
    }
    // No event can be added between the last read and this line.
    this.#isPublishing = false;
  }

  async #publishBatch(batch: readonly WaitingEvent[]): Promise<void> {
    const { outbox, publisher, onStateChange, onRejected } = this.#options;
    try {
      await publisher.publishEvents(batch.map(toEvent));
    } catch (cause) {
      const [event, ...others] = batch;
      if (!isContractError(cause) || event === undefined) throw cause;
      // The publisher checks all events before it publishes the first one.
      if (others.length > 0) for (const each of batch) await this.#publishBatch([each]);
      else {
        outbox.remove(event.id);
        onRejected(event, cause);
      }
      return;
    }
    for (const { id } of batch) outbox.remove(id);
    if (this.#failures > 0) onStateChange('flowing');
    this.#failures = 0;
  }

  async #waitAfter(cause: unknown): Promise<void> {
    if (this.#failures === 0) this.#options.onStateChange('delayed', cause);
    const delayMs = retryDelayMs(this.#options.retryBaseMs, this.#failures, Math.random());
    this.#failures += 1;
    await pause(delayMs, undefined, { signal: this.#closing.signal }).catch(() => {
      // The relay was closed during the pause. This ends the caller's loop.
    });
  }
}

/**
 * Returns the delay after a failure: at most `baseMs` after the first one, doubled with each further one, up to 5 s. A random
 * number from 0 to 1 takes off up to a half.
 */
export function retryDelayMs(baseMs: number, earlierFailures: number, random: number): number {
  return Math.min(retryMaxMs, baseMs * 2 ** Math.min(earlierFailures, 10)) * (1 - random / 2);
}

function toEvent(event: WaitingEvent): EventOf<typeof eventCatalog> {
  const { eventId, type, roomId, payload, timestamp } = event;
  // The publisher validates the event against the contract.
  return {
    event_id: eventId,
    event_type: type,
    room_id: roomId,
    payload,
    timestamp,
    metadata: { source_instance: 'helpdesk' },
  } as EventOf<typeof eventCatalog>;
}

// The error is recognised by its name, because the helpdesk imports neither contract nor publisher at run time.
function isContractError(error: unknown): boolean {
  return error instanceof Error && error.name === 'ContractError';
}
