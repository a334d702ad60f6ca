// Clients as applications use them: the README's recipe and `@millrace/client`. Both use all three transports of the official
// SignalR client, through a proxy that makes some requests fail. They run beside the many small clients of the tests.
import { HttpTransportType, type ILogger, LogLevel } from '@microsoft/signalr';
import { type Client, createClient } from '@millrace/client';
import type { HttpFate } from '@millrace/testkit';
import { type Recipe, startRecipe } from '../../fixtures/clients/resume-recipe.js';
import { eventTypeNames } from '../../fixtures/events/sample-events.js';
import type { ClientLog, ClientRecord } from './oracle.js';
import { Steps } from './steps.js';

/** A client in one room that records what it receives. */
export interface OfficialClient extends ClientLog {
  readonly isJoined: boolean;
  readonly steps: Steps;
  /** Empties the log. The client still knows which events it has seen. */
  clear(): void;
  close(): Promise<void>;
}

/** The transports, by their names. */
export const transports = {
  WebSockets: HttpTransportType.WebSockets,
  'server-sent events': HttpTransportType.ServerSentEvents,
  'long polling': HttpTransportType.LongPolling,
} as const;

/**
 * The types whose events the oracle judges one by one. Receipts and typing are coalesced, so other tests
 * judge them.
 */
const judgedTypes = eventTypeNames.filter((type) => type !== 'read_receipt' && !type.startsWith('typing'));

/** Base of the clients' random delays between attempts to connect. It is short, because a trial is short. */
const retryMs = 100;

/**
 * Decides what happens to a request. One POST in five fails or is delayed, at random. Other requests pass. The gateway's TCP
 * proxy cuts polls and streams.
 *
 * @param random returns numbers from 0 (inclusive) to 1 (exclusive)
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

/** Starts a client with the README's recipe, and joins a room. */
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
    http: { transport: transports[transport], logger: log },
    refused: (_roomId, reason) => log.steps.note(`is refused: ${reason}`),
    retryMs,
  });
  void recipe.join(roomId)?.then(() => log.joined());
  return log.client(async () => recipe.stop());
}

/** Starts a client with `@millrace/client`, and joins a room. */
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
  // The trial causes errors on purpose, so they do not fail the test.
  client.onError(({ message }) => log.steps.note(message));
  void room.joined.then(() => log.joined());
  void client.connect();
  return log.client(() => client.close());
}

/** The log of a client. The reload at the first join is ignored, because the client has no earlier events. */
class Log implements ILogger {
  readonly steps = new Steps();
  readonly #name: string;
  readonly #roomId: string;
  #records: ClientRecord[] = [];
  #isJoined = false;

  constructor(name: string, roomId: string) {
    this.#name = name;
    this.#roomId = roomId;
  }

  /** Notes what the official client warns about. */
  log(level: LogLevel, message: string): void {
    if (level >= LogLevel.Warning) this.steps.note(message);
  }

  joined(): void {
    this.#isJoined = true;
    this.steps.note('is in its room');
  }

  handled(eventId: string): void {
    this.#records.push({ kind: 'handled', eventId, atMs: performance.now() });
  }

  reload(reason: string): void {
    if (this.#isJoined) this.#records.push({ kind: 'reload', reason, atMs: performance.now() });
  }

  client(close: () => Promise<void>): OfficialClient {
    const name = this.#name;
    const { steps } = this;
    const roomId = this.#roomId;
    const records = (): readonly ClientRecord[] => this.#records;
    const isJoined = (): boolean => this.#isJoined;
    return {
      name,
      roomId,
      steps,
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
