// One user who floods a gateway, in a process of its own that ends with its parent.
//
// Arguments: the URL of the gateway, and the kind of flood:
// - `rooms`: five connections call JoinRoom and LeaveRoom as fast as they can, and return as soon as they may.
// - `negotiations`: as fast as twenty requests at a time allow.
// - `none`.
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';

/** The result of the flood so far. */
export interface FloodReport {
  /** Calls or requests that the gateway carried out. */
  readonly accepted: number;
  readonly refused: number;
  /** Connections that the gateway has closed. */
  readonly closed: number;
}

const [url = '', kind = 'none'] = process.argv.slice(2);
const hub = `${url}/hubs/events`;
const user = 'user=flooder';
const connectionCount = 5;
/** Number of calls of one connection that wait for their answers at the same time. */
const callsAtOnce = 10;
const requestsAtOnce = 20;
/** Pause of a connection that was closed or refused before it tries again. */
const retryMs = 100;
const separator = '\u001e';
const report = { accepted: 0, refused: 0, closed: 0 };

/** Calls JoinRoom and LeaveRoom until the connection ends. */
async function floodRooms(): Promise<void> {
  const socket = new WebSocket(`${hub.replace('http', 'ws')}?${user}`, { perMessageDeflate: false });
  let calls = 0;
  const call = (): void => {
    calls += 1;
    const target = calls % 2 === 1 ? 'JoinRoom' : 'LeaveRoom';
    const message = { type: 1, invocationId: String(calls), target, arguments: [`room-${calls % 100}`] };
    socket.send(JSON.stringify(message) + separator);
  };
  socket.on('open', () => socket.send(`{"protocol":"json","version":1}${separator}`));
  socket.on('message', (data: Buffer) => {
    for (const text of data.toString().split(separator)) {
      if (text === '{}') for (let count = 0; count < callsAtOnce; count += 1) call();
      if (!text.startsWith('{"type":3')) continue;
      if (text.includes('"error"')) report.refused += 1;
      else report.accepted += 1;
      call();
    }
  });
  socket.on('error', () => {
    report.refused += 1;
  });
  await new Promise((resolve) => {
    socket.once('close', resolve);
  });
  if (calls > 0) report.closed += 1;
}

const agent = new Agent({ keepAlive: true, maxSockets: requestsAtOnce });

async function negotiate(): Promise<void> {
  await new Promise<void>((resolve) => {
    const asked = request(
      `${hub}/negotiate?negotiateVersion=1&${user}`,
      { method: 'POST', agent },
      (response) => {
        if (response.statusCode === 200) report.accepted += 1;
        else report.refused += 1;
        response.resume();
        response.once('close', resolve);
      },
    );
    asked.once('error', () => resolve());
    asked.end();
  });
}

async function repeat(flood: () => Promise<void>, pauseMs: number): Promise<never> {
  for (;;) {
    await flood();
    if (pauseMs > 0) await pause(pauseMs);
  }
}

process.on('message', () => process.send?.(report satisfies FloodReport));
const at = kind === 'rooms' ? connectionCount : kind === 'negotiations' ? requestsAtOnce : 0;
for (let count = 0; count < at; count += 1)
  void repeat(kind === 'rooms' ? floodRooms : negotiate, kind === 'rooms' ? retryMs : 0);
process.send?.('ready');
