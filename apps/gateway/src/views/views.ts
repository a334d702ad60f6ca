// The views of a gateway. The dispatcher gives them each event that it delivers.
import type { ReceivedEvent } from '@millrace/contract';
import type { Hub, PreparedCall } from '@millrace/signalr';
import type { EventsClient } from '../hub/events-client.js';
import type { SentEntry } from '../rooms/receivers.js';
import type { RelayedAt, ViewSender } from './view-sender.js';

/** One running view. */
export interface RunningView {
  readonly hub: Pick<Hub<EventsClient>, 'connections'>;
  readonly sender: Pick<ViewSender, 'send' | 'relay' | 'sendPositions'>;
}

/** The running views. There is at least one. */
export class Views {
  readonly #views: readonly RunningView[];

  constructor(views: readonly RunningView[]) {
    this.#views = views;
  }

  /** Number of bytes that wait for the clients of the views. */
  get waitingBytes(): number {
    return this.#views.reduce((sum, { hub }) => sum + hub.connections.waitingBytes, 0);
  }

  /** Queues the messages of all views for an event. Returns the number of connections and messages that were queued. */
  send(received: ReceivedEvent, at: SentEntry): number {
    let count = 0;
    for (const { sender } of this.#views) count += sender.send(received, at);
    return count;
  }

  /** Queues the messages of all views for calls that are not events, such as erasures. */
  relay(at: RelayedAt, calls: readonly PreparedCall[]): void {
    for (const { sender } of this.#views) sender.relay(at, calls);
  }

  /** Sends the present position to the idle connections of the views. */
  sendPositions(): void {
    for (const { sender } of this.#views) sender.sendPositions();
  }
}
