// Publishes the events of the outbox in order. Retries with the same event IDs until the broker has stored the events.
import { setTimeout as pause } from 'node:timers/promises';
import type { EventOf, eventCatalog } from '@millrace/contract';
import type { Publisher } from '@millrace/publisher';
import type { TransactionalOutbox, WaitingEvent } from './transactional-outbox.js';

/** Dependencies and options of an {@link OutboxRelay}. */
export interface OutboxRelayOptions {
  readonly outbox: TransactionalOutbox;
  readonly publisher: Pick<Publisher<typeof eventCatalog>, 'publishEvents'>;
  readonly retryBaseMs: number;
  /** Called once when publishing fails and once when it works again, with the number of waiting events. */
  readonly onStateChange: (state: 'delayed' | 'flowing', waiting: number, cause?: unknown) => void;
  /**
   * Called with an event that the contract refuses, which is a bug of the helpdesk. The event is removed, because it would
   * otherwise block all later events forever.
   */
  readonly onRejected: (event: WaitingEvent, cause: unknown) => void;
}

const retryMaxMs = 5_000;
const maxBatchSize = 100;

/**
 * States of a relay: idle → publishing → idle. Without a broker: publishing → waiting → publishing. Every
 * state can change to closed.
 */
export class OutboxRelay {
  readonly #options: OutboxRelayOptions;
  readonly #closing = new AbortController();
  #run: Promise<void> | undefined;
  #failures = 0;

  constructor(options: OutboxRelayOptions) {
    this.#options = options;
  }

  /** Starts publishing, unless the relay is already publishing. */
  wake(): void {
    if (this.#run !== undefined || this.#closing.signal.aborted) return;
    this.#run = this.#publishAll().finally(() => {
      this.#run = undefined;
      // An event may have been added after the last read.
      if (this.#options.outbox.size > 0) this.wake();
    });
  }

  /** Resolves when the outbox is empty or the relay is closed. */
  async idle(): Promise<void> {
    while (this.#run !== undefined) await this.#run;
  }

  /** Stops after the batch in flight. The remaining events stay in the table for the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#run;
  }

  async #publishAll(): Promise<void> {
    const { outbox } = this.#options;
    while (!this.#closing.signal.aborted) {
      const batch = outbox.peek(maxBatchSize);
      if (batch.length === 0) return;
      await this.#publishBatch(batch);
    }
  }

  async #publishBatch(batch: readonly WaitingEvent[]): Promise<void> {
    try {
      await this.#publish(batch);
    } catch (cause) {
      if (!isContractError(cause)) {
        await this.#waitFor(cause);
        return;
      }
      await this.#publishOneByOne(batch);
    }
  }

  /**
   * Publishes a batch event by event, and removes the events that the contract refuses. No event of the batch has been published
   * before.
   */
  async #publishOneByOne(batch: readonly WaitingEvent[]): Promise<void> {
    for (const event of batch) {
      try {
        await this.#publish([event]);
      } catch (cause) {
        if (!isContractError(cause)) {
          await this.#waitFor(cause);
          return;
        }
        this.#options.onRejected(event, cause);
        this.#options.outbox.remove(event.id);
      }
    }
  }

  async #publish(batch: readonly WaitingEvent[]): Promise<void> {
    const { outbox, publisher, onStateChange } = this.#options;
    await publisher.publishEvents(batch.map(toEvent));
    for (const { id } of batch) outbox.remove(id);
    if (this.#failures > 0) onStateChange('flowing', outbox.size);
    this.#failures = 0;
  }

  async #waitFor(cause: unknown): Promise<void> {
    const { outbox, retryBaseMs, onStateChange } = this.#options;
    if (this.#failures === 0) onStateChange('delayed', outbox.size, cause);
    this.#failures += 1;
    const boundMs = Math.min(retryMaxMs, retryBaseMs * 2 ** Math.min(this.#failures, 10));
    await pause(boundMs * (0.5 + Math.random() / 2), undefined, { signal: this.#closing.signal }).catch(
      () => {
        // The relay was closed during the pause, which ends the caller's loop.
      },
    );
  }
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

// Compares the name of the error, because the helpdesk imports neither contract nor publisher at run time.
function isContractError(error: unknown): boolean {
  return error instanceof Error && error.name === 'ContractError';
}
