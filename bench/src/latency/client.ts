// All clients of a run in one process. It reads as little of each frame as it can, so that the client's own cost
// does not hide the server's.
import { intendedTimesIn } from './load.js';
import { openRoomSocket } from './room-socket.js';

const [url = '', roomsText = '', clientsText = '1'] = process.argv.slice(2);
const latenciesNs: number[] = [];

function receive(data: Buffer): void {
  const nowNs = process.hrtime.bigint();
  for (const intendedNs of intendedTimesIn(data)) latenciesNs.push(Number(nowNs - intendedNs));
}

for (const room of roomsText.split(',')) {
  for (let client = 0; client < Number(clientsText); client += 1) await openRoomSocket(url, [room], receive);
}
process.on('message', (message: 'reset' | 'report') => {
  if (message === 'reset') latenciesNs.length = 0;
  else process.send?.({ latenciesNs });
});
process.send?.({ ready: true });
