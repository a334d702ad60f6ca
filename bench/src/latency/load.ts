// What is sent in a latency run, and how a message carries the moment it should have left.
// All processes run on one machine and read one monotonic clock, so send and receive times can be compared.

/** One load: so many rooms with so many clients each, and a rate over all rooms. */
export interface Load {
  readonly name: string;
  readonly rooms: number;
  readonly clientsPerRoom: number;
  readonly eventsPerSecond: number;
}

/** The two loads of the comparison. */
export const loads: readonly Load[] = [
  { name: '200 events/s, 1 room, 1 client', rooms: 1, clientsPerRoom: 1, eventsPerSecond: 200 },
  {
    name: '1,000 events/s, 100 rooms, 2 clients each',
    rooms: 100,
    clientsPerRoom: 2,
    eventsPerSecond: 1_000,
  },
];

/** Room IDs of a load. */
export function roomsOf(load: Load): readonly string[] {
  return Array.from({ length: load.rooms }, (_, index) => `room-${index}`);
}

// About 450 bytes of payload text in all, as a chat message in the field has.
const filler = 'It works again since the restart, thank you for your patience! '.repeat(2);

/** Content of the message that should leave at `intendedNs`. */
export function contentOf(intendedNs: bigint): string {
  return `t=${intendedNs};${filler}`;
}

const marker = Buffer.from('t=');

/** Every intended send time in a chunk of frames, without parsing the JSON around them. */
export function intendedTimesIn(chunk: Buffer): readonly bigint[] {
  const times: bigint[] = [];
  for (let at = chunk.indexOf(marker); at !== -1; at = chunk.indexOf(marker, at + marker.length)) {
    const end = chunk.indexOf(';', at);
    const text = chunk.toString('latin1', at + marker.length, end);
    if (/^\d+$/.test(text)) times.push(BigInt(text));
  }
  return times;
}

/**
 * Calls `send` at a fixed rate, by intended time: a late call keeps its intended time, so waiting is measured
 * and never left out. Resolves when all calls were made.
 */
export async function sendAtRate(
  load: { readonly eventsPerSecond: number; readonly seconds: number },
  send: (index: number, intendedNs: bigint) => void,
): Promise<void> {
  const total = load.eventsPerSecond * load.seconds;
  const intervalNs = 1_000_000_000n / BigInt(load.eventsPerSecond);
  const startNs = process.hrtime.bigint() + 50_000_000n;
  await new Promise<void>((resolve) => {
    let next = 0;
    const turn = (): void => {
      for (; next < total; next += 1) {
        const intendedNs = startNs + BigInt(next) * intervalNs;
        const waitNs = intendedNs - process.hrtime.bigint();
        if (waitNs > 1_500_000n) {
          setTimeout(turn, 1);
          return;
        }
        if (waitNs > 0n) {
          setImmediate(turn);
          return;
        }
        send(next, intendedNs);
      }
      resolve();
    };
    turn();
  });
}
