// Many clients of one room, each on a separate slow connection. Arguments: the gateway's URL, the room, the
// number of clients, and the bytes per second.
import { ImpairedConnection } from '../impaired-connection.js';
import { signalR } from '../traffic/dialects.js';
import { LightSocket } from '../traffic/light-socket.js';
import { nowNs, readMarks } from '../traffic/mark.js';

/** Totals over all clients. */
export interface SlowFigures {
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
      // A repeated event also counts as out of order.
      if (number <= newest) outOfOrder += 1;
      newest = number;
    });
}

for (let client = 0; client < Number(count); client += 1) {
  const connection = await ImpairedConnection.open(Number(new URL(url).port), Number(bytesPerSecond));
  await LightSocket.open({
    url: connection.url,
    dialect: signalR(),
    rooms: [room],
    onMessage: receiver(),
    onClose: () => {
      closed += 1;
    },
  });
}
process.on('message', () =>
  process.send?.({ delivered: latenciesNs.length, outOfOrder, closed, latenciesNs } satisfies SlowFigures),
);
process.send?.({ ready: true });
