// All clients of a run in one process. It reads as little of each frame as it can, so that the client's own cost
// does not hide the server's. Speaks just enough of SignalR to join a room.
import WebSocket from 'ws';
import { intendedTimesIn } from './load.js';

const separator = '\u001e';
const [url = '', roomsText = '', clientsText = '1'] = process.argv.slice(2);
const latenciesNs: number[] = [];

function receive(data: Buffer): void {
  const nowNs = process.hrtime.bigint();
  for (const intendedNs of intendedTimesIn(data)) latenciesNs.push(Number(nowNs - intendedNs));
}

async function join(room: string): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/hubs/events`, { perMessageDeflate: false });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('open', () => socket.send(`{"protocol":"json","version":1}${separator}`));
    socket.on('message', (data: Buffer) => {
      const text = data.length < 4_096 ? data.toString('latin1') : '';
      if (text.startsWith(`{}${separator}`)) {
        socket.send(`{"type":1,"invocationId":"1","target":"JoinRoom","arguments":["${room}"]}${separator}`);
      } else if (text.includes('"invocationId":"1"')) {
        if (text.includes('"error"')) reject(new Error(text));
        resolve();
      }
      receive(data);
    });
  });
}

for (const room of roomsText.split(',')) {
  for (let client = 0; client < Number(clientsText); client += 1) await join(room);
}
process.on('message', (message: 'reset' | 'report') => {
  if (message === 'reset') latenciesNs.length = 0;
  else process.send?.({ latenciesNs });
});
process.send?.({ ready: true });
