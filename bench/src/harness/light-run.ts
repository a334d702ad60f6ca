// Runs light clients and the library's publisher against one gateway, for the parts that measure Millrace alone.
import type { ClientsCommand, ClientsOrder } from '../traffic/clients.js';
import { decodeHistogram, percentileMs } from '../traffic/histogram.js';
import type { SendOrder, SendReport } from '../traffic/publisher.js';
import type { ReceivedReport } from '../traffic/receipts.js';
import { type Part, startScript } from './processes.js';

/** Percentiles of the time from the intended send time of an event to its arrival. */
export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Clients in a separate process. */
export interface LightClients extends AsyncDisposable {
  /** Waits until `due` events have arrived, and returns their latency. @throws Error when they do not arrive within 20 s */
  collect(due: number): Promise<Latency>;
  /** Forgets what has arrived so far. */
  reset(): void;
}

const lookMs = 50;
const looks = 400;

/** Starts the clients. Resolves when all of them are in their rooms. */
export async function startLightClients(
  url: string,
  rooms: readonly string[],
  clientsPerRoom: number,
): Promise<LightClients> {
  const order: ClientsOrder = { urls: [url], dialect: 'signalr', rooms, clientsPerRoom };
  const clients = startScript('traffic/clients.js', [JSON.stringify(order)]);
  await clients.message();
  return {
    async collect(due) {
      for (let look = 0; look < looks; look += 1) {
        clients.send('report' satisfies ClientsCommand);
        const { received, latency } = await clients.message<ReceivedReport>();
        const histogram = decodeHistogram(latency);
        if (received >= due)
          return { p50Ms: percentileMs(histogram, 50), p99Ms: percentileMs(histogram, 99) };
        await new Promise((resolve) => setTimeout(resolve, lookMs));
      }
      throw new Error(`not all of ${due} events arrived`);
    },
    reset: () => clients.send({ resetTo: 0 } satisfies ClientsCommand),
    [Symbol.asyncDispose]: () => clients[Symbol.asyncDispose](),
  };
}

/** The library's publisher in a separate process. */
export interface LibraryPublisher extends AsyncDisposable {
  /** Resolves when all events are stored. @throws Error when an event is not stored */
  publish(load: Pick<SendOrder, 'rooms' | 'eventsPerSecond' | 'events'>): Promise<void>;
}

export async function startLibraryPublisher(
  redisUrl: string,
  what: 'chat' | 'notification' = 'chat',
): Promise<LibraryPublisher> {
  const part: Part = startScript('millrace/publisher.js', [redisUrl, what]);
  await part.message();
  return {
    async publish(load) {
      part.send({ ...load, firstNumber: 0, gridMs: 0 } satisfies SendOrder);
      const { failed, firstFailure } = await part.message<SendReport>();
      if (failed > 0) throw new Error(`${failed} events were not stored: ${firstFailure}`);
    },
    [Symbol.asyncDispose]: () => part[Symbol.asyncDispose](),
  };
}
