// A WebSocket that speaks just enough of SignalR to join rooms.
import WebSocket from 'ws';

const separator = '\u001e';

/**
 * Connects and joins rooms. `onData` is given every message as it came, from the first one on.
 * Rejects when a join is refused.
 */
export async function openRoomSocket(
  url: string,
  rooms: readonly string[],
  onData: (data: Buffer) => void,
): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/hubs/events`, { perMessageDeflate: false });
  let joined = 0;
  const join = (): void => {
    const call = { type: 1, invocationId: `${joined + 1}`, target: 'JoinRoom', arguments: [rooms[joined]] };
    socket.send(`${JSON.stringify(call)}${separator}`);
  };
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('open', () => socket.send(`{"protocol":"json","version":1}${separator}`));
    socket.on('message', (data: Buffer) => {
      if (joined < rooms.length) {
        const text = data.toString('latin1');
        if (text.startsWith(`{}${separator}`)) join();
        else if (text.includes(`"invocationId":"${joined + 1}"`)) {
          if (text.includes('"error"')) reject(new Error(text));
          joined += 1;
          if (joined < rooms.length) join();
          else resolve();
        }
      }
      onData(data);
    });
  });
  return socket;
}
