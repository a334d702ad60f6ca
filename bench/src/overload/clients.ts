// All clients of a run in one process. Arguments: the gateway's URL, rooms, clients per room. The message `take` requests the
// deliveries since the last `take`.
import { percentile } from '../harness/statistics.js';
import { signalR } from '../traffic/dialects.js';
import { LightSocket } from '../traffic/light-socket.js';
import { nowNs, readMarks } from '../traffic/mark.js';

/** Deliveries to all clients together. */
export interface Delivered {
  readonly delivered: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /**
   * The p99 latency of the events of each second, in order. An event belongs to the second of its intended send time. NaN for
   * a second without an event.
   */
  readonly p99MsBySecond: readonly number[];
  /** Number of connections that have ended since the start. */
  readonly closed: number;
}

const [url = '', roomsText = '', clientsText = '1'] = process.argv.slice(2);
let latenciesMs: number[] = [];
let intendedSeconds: number[] = [];
let closed = 0;

function receive(intendedNs: number): void {
  latenciesMs.push((nowNs() - intendedNs) / 1e6);
  intendedSeconds.push(Math.floor(intendedNs / 1e9));
}

function take(): Delivered {
  const bySecond = new Map<number, number[]>();
  latenciesMs.forEach((latencyMs, index) => {
    const second = intendedSeconds[index] ?? 0;
    const values = bySecond.get(second) ?? [];
    bySecond.set(second, values);
    values.push(latencyMs);
  });
  const seconds = [...bySecond.keys()];
  const first = Math.min(...seconds);
  const p99MsBySecond = Array.from(
    { length: seconds.length === 0 ? 0 : Math.max(...seconds) - first + 1 },
    (_, at) => percentile(bySecond.get(first + at) ?? [], 99),
  );
  const sum = { p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99), p99MsBySecond };
  const delivered = latenciesMs.length;
  latenciesMs = [];
  intendedSeconds = [];
  return { delivered, ...sum, closed };
}

for (const room of roomsText.split(',')) {
  for (let client = 0; client < Number(clientsText); client += 1) {
    await LightSocket.open({
      url,
      dialect: signalR(),
      rooms: [room],
      onMessage: (payload) => readMarks(payload, receive),
      onClose: () => {
        closed += 1;
      },
    });
  }
}
process.on('message', (message: 'count' | 'take') => {
  process.send?.(message === 'count' ? { delivered: latenciesMs.length } : take());
});
process.send?.({ ready: true });
