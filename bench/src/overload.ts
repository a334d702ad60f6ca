// Offers the system three times as many events as it can accept. Measures how many events are accepted, how fast the others
// are refused, and how soon the latency is normal again. Gateway and Redis share one core, and producer and clients share the
// other. In the last phase, a busy process takes half of the first core.
//
// npm run bench -- overload [--seconds 60 --write]
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { machineLine, writeTable } from './harness/performance-page.js';
import { type Part, startGateway, startRedis, startScript } from './harness/processes.js';
import type { Delivered } from './overload/clients.js';
import type { Phase } from './overload/producer.js';
import type { Offered } from './overload/tally.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    calm: { type: 'string', default: '15' },
    write: { type: 'boolean', default: false },
  },
});
const overloadSeconds = Number(values.seconds);
const calmSeconds = Number(values.calm);
const capacitySeconds = Math.min(10, calmSeconds);
const rooms = Array.from({ length: 50 }, (_, index) => `room-${index}`).join(',');
const clientsPerRoom = 2;
const excess = 3;
/** The load before and after the overload, as a share of the capacity. */
const calmShare = 0.4;

interface Way {
  readonly name: string;
  readonly kind: 'library' | 'http';
  /** Number of events in flight while the capacity is measured. */
  readonly inFlight: number;
}

const ways: readonly Way[] = [
  { name: '`@millrace/publisher`', kind: 'library', inFlight: 512 },
  { name: '`POST /v1/events`, one event each', kind: 'http', inFlight: 64 },
];

/** Restricts all threads of a process to one core, if the system supports it. */
function pin(part: Part, core: number): void {
  const { pid } = part.child;
  try {
    execFileSync('taskset', ['-apc', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    console.log(`process ${pid} could not be put on core ${core}`);
  }
}

/** The load on one system: its producer and its clients. */
class Run {
  readonly #producer: Part;
  readonly #clients: Part;

  constructor(producer: Part, clients: Part) {
    this.#producer = producer;
    this.#clients = clients;
  }

  /** Offers events for some time, and waits until the clients have received all stored events. */
  async phase(phase: Phase): Promise<Offered & Delivered & { readonly tookSeconds: number }> {
    const startMs = performance.now();
    this.#producer.child.send(phase);
    const offered = await this.#producer.message<Offered>();
    const tookSeconds = await this.#allDelivered(offered.stored, startMs);
    this.#clients.child.send('take');
    const delivered = await this.#clients.message<Delivered>();
    return { ...offered, ...delivered, tookSeconds };
  }

  async #allDelivered(stored: number, startMs: number): Promise<number> {
    for (let before = -1, quiet = 0; quiet < 100; ) {
      this.#clients.child.send('count');
      const { delivered } = await this.#clients.message<{ delivered: number }>();
      if (delivered >= stored * clientsPerRoom) break;
      quiet = delivered === before ? quiet + 1 : 0;
      before = delivered;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return (performance.now() - startMs) / 1_000;
  }
}

type Figures = Awaited<ReturnType<Run['phase']>>;

async function saturation(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^saturation (\S+)$/m.exec(text)?.[1] ?? Number.NaN);
}

async function measure(way: Way): Promise<string> {
  const redis = await startRedis();
  await using _redis = redis.part;
  const gateway = await startGateway(redis.url);
  await using _gateway = gateway.part;
  await using clients = startScript('./overload/clients.js', [gateway.url, rooms, String(clientsPerRoom)]);
  await clients.message();
  const address = way.kind === 'http' ? gateway.url : redis.url;
  await using producer = startScript('./overload/producer.js', [way.kind, address, rooms]);
  await producer.message();
  pin(redis.part, 0);
  pin(gateway.part, 0);
  pin(clients, 1);
  pin(producer, 1);
  const run = new Run(producer, clients);
  const inFlight = (seconds: number): Phase => ({ kind: 'in_flight', count: way.inFlight, seconds });
  await run.phase(inFlight(2));
  const capacity = perSecondOf(await run.phase(inFlight(capacitySeconds)));
  console.log(`${way.name}: takes ${count(capacity)} events/s`);
  const calm: Phase = { kind: 'rate', perSecond: capacity * calmShare, seconds: calmSeconds };
  const before = await run.phase(calm);
  report('before', before);
  const offering = run.phase({ kind: 'rate', perSecond: capacity * excess, seconds: overloadSeconds });
  await new Promise((resolve) => setTimeout(resolve, overloadSeconds * 900));
  const saturated = await saturation(gateway.url);
  const overload = await offering;
  report('overload', overload);
  const after = await run.phase(calm);
  report('after', after);
  await using burner = startScript('./overload/burner.js', [String(capacitySeconds * 3)]);
  await burner.message();
  pin(burner, 0);
  const halved = await run.phase(inFlight(capacitySeconds));
  report('half a core', halved);
  return row(way, { capacity, before, overload, after, halved, saturated });
}

function perSecondOf({ stored, tookSeconds }: Figures): number {
  return stored / tookSeconds;
}

function row(
  way: Way,
  found: {
    readonly capacity: number;
    readonly before: Figures;
    readonly overload: Figures;
    readonly after: Figures;
    readonly halved: Figures;
    readonly saturated: number;
  },
): string {
  const { capacity, before, overload, after, halved, saturated } = found;
  const calmAt = after.p99MsBySecond.findIndex((p99Ms) => p99Ms <= 2 * before.p99Ms);
  const goodput = perSecondOf(overload);
  const cells = [
    way.name,
    count(capacity),
    count(overload.offered / overloadSeconds),
    `${count(goodput)} (${(goodput / capacity).toFixed(2)})`,
    count(overload.stored * clientsPerRoom - overload.delivered),
    `${count(overload.refused + overload.unknown)}, ${overload.refusalP99Ms.toFixed(0)} ms`,
    count(overload.withoutTime),
    saturated.toFixed(2),
    `${before.p99Ms.toFixed(1)} / ${overload.p99Ms.toFixed(0)} / ${after.p99Ms.toFixed(1)}`,
    calmAt === -1 ? `not within ${calmSeconds}` : `${calmAt + 1}`,
    count(after.closed),
    `${count(perSecondOf(halved))} (${(perSecondOf(halved) / capacity).toFixed(2)})`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function report(name: string, figures: Figures): void {
  const { p99MsBySecond, ...rest } = figures;
  const bySecond = p99MsBySecond.map((p99Ms) => p99Ms.toFixed(0)).join(' ');
  console.log(`${name}: ${JSON.stringify(rest)}; p99 by second: ${bySecond}`);
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

const rows: string[] = [];
for (const way of ways) rows.push(await measure(way));
const table = [
  `Chat messages to 50 rooms of ${clientsPerRoom} clients. Taken: what gets through with always so much offered as is answered. Then ${calmShare} of it for ${calmSeconds} s, ` +
    `${excess} times of it for ${overloadSeconds} s, and ${calmShare} of it again. Refused: how many, and by when 99 % of them were told. In brackets: the part of what was taken before.`,
  '',
  '| by | taken, events/s | offered, events/s | got through, events/s | stored and not delivered | refused, told within | not told when to come back | `saturation` | latency p99 before / under overload / after, ms | p99 again within 2 × of before after, s | connections lost | got through with half the core taken, events/s |',
  '|---|---|---|---|---|---|---|---|---|---|---|---|',
  ...rows,
  '',
  `${machineLine()} Command: \`npm run bench -- overload --seconds ${overloadSeconds} --write\`.`,
].join('\n');
console.log(`\n${table}`);
if (values.write) writeTable('overload', table);
