// Watches a gateway during an abuse: its memory, its open sockets, the delay of its event loop, and the delivery to other
// clients.
import { readdirSync } from 'node:fs';
import { rssKibOf } from '../harness/cost.js';
import { type Latency, type LibraryPublisher, startLibraryPublisher } from '../harness/light-run.js';
import { type Part, startScript } from '../harness/processes.js';
import type { ClientsCommand, ClientsOrder } from '../traffic/clients.js';
import { decodeHistogram, percentileMs } from '../traffic/histogram.js';
import type { ReceivedReport } from '../traffic/receipts.js';

const sampleMs = 250;
const clientCount = 10;
const room = 'others';
const perSecond = 20;
/** Maximum time to wait for events that have not arrived yet. */
const waitMs = 20_000;

/**
 * Returns one value of the gateway's metrics. `name` is the metric's name, with its labels if it has any. Each call begins a
 * new period for the delay of the event loop.
 */
export async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}

/** Samples memory and sockets of a process until it is disposed of. */
export class Peaks implements Disposable {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  readonly rssBeforeKib: number;
  #rssKib: number;
  #files = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.rssBeforeKib = rssKibOf(pid);
    this.#rssKib = this.rssBeforeKib;
    this.#timer = setInterval(() => this.#sample(), sampleMs);
  }

  /** Highest resident memory so far, minus the resident memory at the start. */
  get rssGrowthKib(): number {
    return this.#rssKib - this.rssBeforeKib;
  }

  /** Highest number of open files and sockets so far. */
  get files(): number {
    return this.#files;
  }

  #sample(): void {
    this.#rssKib = Math.max(this.#rssKib, rssKibOf(this.#pid));
    this.#files = Math.max(this.#files, readdirSync(`/proc/${this.#pid}/fd`).length);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** The delivery to clients that do not take part in the attack. */
export interface OthersReport {
  readonly latency: Latency;
  readonly due: number;
  readonly received: number;
  readonly closed: number;
}

/** Ten clients in a room with twenty messages a second. */
export class Others implements AsyncDisposable {
  readonly #clients: Part;
  readonly #publisher: LibraryPublisher;

  private constructor(clients: Part, publisher: LibraryPublisher) {
    this.#clients = clients;
    this.#publisher = publisher;
  }

  static async start(url: string, redisUrl: string): Promise<Others> {
    const order: ClientsOrder = {
      urls: [url],
      dialect: 'signalr',
      rooms: [room],
      clientsPerRoom: clientCount,
    };
    const clients = startScript('traffic/clients.js', [JSON.stringify(order)]);
    await clients.message();
    return new Others(clients, await startLibraryPublisher(redisUrl));
  }

  /** Publishes for some time, and reports the arrived events. */
  async run(seconds: number): Promise<OthersReport> {
    this.#clients.send({ resetTo: 0 } satisfies ClientsCommand);
    const events = Math.round(perSecond * seconds);
    await this.#publisher.publish({ rooms: [room], eventsPerSecond: perSecond, events });
    const due = events * clientCount;
    const limitMs = performance.now() + waitMs;
    for (;;) {
      this.#clients.send('report' satisfies ClientsCommand);
      const { received, latency, closed } = await this.#clients.message<ReceivedReport>();
      if (received >= due || performance.now() > limitMs) {
        const histogram = decodeHistogram(latency);
        const percentiles = { p50Ms: percentileMs(histogram, 50), p99Ms: percentileMs(histogram, 99) };
        return { latency: percentiles, due, received, closed };
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#publisher[Symbol.asyncDispose]();
    await this.#clients[Symbol.asyncDispose]();
  }
}
