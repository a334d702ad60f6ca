// Many clients of one room, each on a thin line of its own. Arguments: gateway, room, clients, bytes per second.
import { Line } from '../impaired-connection.js';
import { signalR } from '../traffic/dialects.js';
import { LightSocket } from '../traffic/light-socket.js';
import { nowNs, readMarks } from '../traffic/mark.js';

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

function receiver(): (payload: Buffer) => void {
  let newest = -1;
  return (payload) =>
    readMarks(payload, (intendedNs, number) => {
      latenciesNs.push(nowNs() - intendedNs);
      // A repeat shows here as well.
      if (number <= newest) outOfOrder += 1;
      newest = number;
    });
}

for (let client = 0; client < Number(count); client += 1) {
  const line = await Line.open(Number(new URL(url).port), Number(bytesPerSecond));
  await LightSocket.open({
    url: line.url,
    dialect: signalR(),
    rooms: [room],
    onMessage: receiver(),
    onClose: () => {
      closed += 1;
    },
  });
}
process.on('message', () =>
  process.send?.({ delivered: latenciesNs.length, outOfOrder, closed, latenciesNs } satisfies ThinFigures),
);
process.send?.({ ready: true });
