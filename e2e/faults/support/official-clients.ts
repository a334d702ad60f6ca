// Clients as applications have them, beside the many small ones: the README's recipe and `@millrace/client`, over each of the three
// transports of the official SignalR client, through a proxy on which single requests fail.
import { HttpTransportType, LogLevel } from '@microsoft/signalr';
import { type Client, createClient } from '@millrace/client';
import type { HttpFate } from '@millrace/testkit';
import { type Recipe, startRecipe } from '../../fixtures/clients/resume-recipe.js';
import { eventTypeNames } from '../../fixtures/events/sample-events.js';
import type { ClientLog, ClientRecord } from './oracle.js';

/** A client of one room that writes down what it is told. */
export interface OfficialClient extends ClientLog {
  readonly isJoined: boolean;
  /** Empties its log. It remembers which events it has seen. */
  clear(): void;
  close(): Promise<void>;
}

/** The transports, by their names. */
export const transports = {
  WebSockets: HttpTransportType.WebSockets,
  'server-sent events': HttpTransportType.ServerSentEvents,
  'long polling': HttpTransportType.LongPolling,
} as const;

/** Types that the oracle judges event by event. Receipts and typing are coalesced, and are judged elsewhere. */
const judgedTypes = eventTypeNames.filter((type) => type !== 'read_receipt' && !type.startsWith('typing'));

/** Quick enough for a trial, and still random. */
const retryMs = 100;

/**
 * Chooses the fate of a request: of five posts one fails, each time in another way. Polls and streams pass; they are cut with the wire below.
 *
 * @param random numbers from 0 up to, not including, 1
 */
export function fateOf({ method }: { readonly method?: string | undefined }, random: () => number): HttpFate {
  if (method !== 'POST' || random() >= 0.2) return 'pass';
  const fates: readonly HttpFate[] = [
    'cut',
    'lose_answer',
    { status: 502 },
    { status: 503 },
    { delayMs: 700 },
  ];
  return fates[Math.floor(random() * fates.length)] ?? 'cut';
}

/** The recipe in a room. */
export async function startRecipeClient(
  url: string,
  roomId: string,
  transport: keyof typeof transports,
): Promise<OfficialClient> {
  const log = new Log(`recipe over ${transport}`, roomId);
  const handle = ({ event_id }: { readonly event_id: string }): void => log.handled(event_id);
  const recipe: Recipe = await startRecipe({
    url: `${url}/hubs/events?resume=1`,
    handlers: Object.fromEntries(judgedTypes.map((type) => [type, handle])),
    reload: () => log.reload('recipe'),
    http: { transport: transports[transport], logger: LogLevel.None },
    retryMs,
  });
  void recipe.join(roomId)?.then(() => log.joined());
  return log.client(async () => recipe.stop());
}

/** `@millrace/client` in a room. */
export function startLibraryClient(
  url: string,
  roomId: string,
  transport: keyof typeof transports,
): OfficialClient {
  const log = new Log(`@millrace/client over ${transport}`, roomId);
  const client: Client = createClient({
    url,
    retryBaseMs: retryMs,
    retryMaxMs: 1_000,
    signalr: { http: { transport: transports[transport] } },
  });
  const room = client.join(roomId);
  room.onAny(({ event_id, event_type }) => {
    if (judgedTypes.some((type) => type === event_type)) log.handled(event_id);
  });
  room.onResync((reason) => log.reload(reason));
  // Errors that it reports are part of the trial.
  client.onError(() => {});
  void room.joined.then(() => log.joined());
  void client.connect();
  return log.client(() => client.close());
}

/** The first join is no reload of anything: nothing was seen before. */
class Log {
  readonly #name: string;
  readonly #roomId: string;
  #records: ClientRecord[] = [];
  #isJoined = false;

  constructor(name: string, roomId: string) {
    this.#name = name;
    this.#roomId = roomId;
  }

  joined(): void {
    this.#isJoined = true;
  }

  handled(eventId: string): void {
    this.#records.push({ kind: 'handled', eventId, atMs: performance.now() });
  }

  reload(reason: string): void {
    if (this.#isJoined) this.#records.push({ kind: 'reload', reason, atMs: performance.now() });
  }

  client(close: () => Promise<void>): OfficialClient {
    const name = this.#name;
    const roomId = this.#roomId;
    const records = (): readonly ClientRecord[] => this.#records;
    const isJoined = (): boolean => this.#isJoined;
    return {
      name,
      roomId,
      get records() {
        return records();
      },
      get isJoined() {
        return isJoined();
      },
      clear: () => {
        this.#records = [];
      },
      close,
    };
  }
}
