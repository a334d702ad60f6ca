// A client in a room that uses `@millrace/client` of any build. The oracle can judge its log.
import { HttpTransportType } from '@microsoft/signalr';
import type { ClientLog, ClientRecord } from '../../faults/support/oracle.js';
import type { Build } from './base-build.js';

const transports = [
  HttpTransportType.WebSockets,
  HttpTransportType.ServerSentEvents,
  HttpTransportType.LongPolling,
] as const;

/** Joins a room, and reconnects after every lost connection until `close` is called. */
export class LibraryClient implements ClientLog {
  readonly name: string;
  readonly roomId: string;
  readonly #client: ReturnType<Build['client']['createClient']>;
  readonly #room: ReturnType<ReturnType<Build['client']['createClient']>['join']>;
  #records: ClientRecord[] = [];

  /** @param target `number` chooses the transport */
  constructor(
    { client }: Pick<Build, 'client'>,
    name: string,
    target: { readonly url: string; readonly roomId: string; readonly number: number },
  ) {
    this.name = name;
    this.roomId = target.roomId;
    const transport = transports[target.number % transports.length] ?? HttpTransportType.WebSockets;
    this.#client = client.createClient({
      url: target.url,
      retryBaseMs: 200,
      retryMaxMs: 2_000,
      attemptTimeoutMs: 60_000,
      signalr: { http: { transport } },
    });
    this.#room = this.#client.join(target.roomId);
    this.#room.onAny(({ event_id, event_type }) => {
      if (event_type !== 'read_receipt')
        this.#note({ kind: 'handled', eventId: event_id, atMs: performance.now() });
    });
    this.#room.onResync((reason) => this.#note({ kind: 'reload', reason, atMs: performance.now() }));
    this.#client.onJoin((roomId, { recovered }) => {
      if (recovered && roomId === this.roomId) this.#note({ kind: 'recovered', atMs: performance.now() });
    });
    // The client retries by itself, and the oracle judges which events it missed.
    this.#client.onError(() => {});
    this.#client.connect().catch(() => {});
  }

  get records(): readonly ClientRecord[] {
    return this.#records;
  }

  get isJoined(): boolean {
    return this.#room.status === 'live';
  }

  /** Empties the log. The client still knows which events it has seen. */
  clear(): void {
    this.#records = [];
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #note(record: ClientRecord): void {
    this.#records.push(record);
  }
}
