// Many clients of one room, each on a thin line of its own. Arguments: gateway, room, clients, bytes per second.
import { intendedTimesIn } from '../latency/load.js';
import { openRoomSocket } from '../latency/room-socket.js';
import { Line } from '../line.js';

/** What came of them, all together. */
export interface ThinFigures {
  readonly delivered: number;
  readonly outOfOrder: number;
  readonly closed: number;
  readonly latenciesNs: readonly number[];
}

const [url = '', room = '', count = '0', bytesPerSecond = '0'] = process.argv.slice(2);
let outOfOrder = 0;
let closed = 0;
const latenciesNs: number[] = [];

function receiver(): (data: Buffer) => void {
  let newestNs = 0n;
  return (data) => {
    const nowNs = process.hrtime.bigint();
    for (const intendedNs of intendedTimesIn(data)) {
      latenciesNs.push(Number(nowNs - intendedNs));
      // No two have one time, so a repeat shows here as well.
      if (intendedNs <= newestNs) outOfOrder += 1;
      newestNs = intendedNs;
    }
  };
}

for (let client = 0; client < Number(count); client += 1) {
  const line = await Line.open(Number(new URL(url).port), Number(bytesPerSecond));
  const socket = await openRoomSocket(line.url, [room], receiver());
  socket.on('close', () => {
    closed += 1;
  });
}
process.on('message', () =>
  process.send?.({ delivered: latenciesNs.length, outOfOrder, closed, latenciesNs } satisfies ThinFigures),
);
process.send?.({ ready: true });
