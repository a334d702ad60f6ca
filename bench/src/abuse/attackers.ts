// The attackers of one run, in a separate process. Arguments: kind, URL of the gateway, number.
import { setTimeout as pause } from 'node:timers/promises';
import { signalR } from '../traffic/dialects.js';
import { LightSocket } from '../traffic/light-socket.js';
import { HeldSockets } from './held-sockets.js';
import { PollingConnection } from './polling-connection.js';

/** The kinds of attackers. */
export type AttackKind = 'idle' | 'handshakes' | 'posts' | 'polls';

/** Ends an attack and returns what happened, in words. */
type End = () => string;

const [kindText, url = '', countText = '0'] = process.argv.slice(2);
// The parent process passes one of the kinds.
const kind = kindText as AttackKind;
const count = Number(countText);
const port = Number(new URL(url).port);
const host = 'Host: 127.0.0.1';

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const number = (value: number): string => value.toLocaleString('en');

/** Holds several kinds of sockets at the same time. */
function hold(kinds: Readonly<Record<string, { readonly start: string; readonly trickle?: string }>>): End {
  const held = Object.entries(kinds).map(
    ([name, bytes]) => [name, new HeldSockets({ port, count, ...bytes })] as const,
  );
  return () =>
    held
      .map(([name, sockets]) => {
        const { opened, closed, longestMs } = sockets.end();
        return `${name}: ${number(opened)} opened, ${number(closed)} closed by the gateway, none open for more than ${seconds(longestMs)}`;
      })
      .join('; ');
}

async function idle(): Promise<End> {
  const atOnce = 50;
  let closed = 0;
  for (let first = 0; first < count; first += atOnce) {
    const group = Array.from({ length: Math.min(atOnce, count - first) }, (_, index) =>
      LightSocket.open({
        url,
        dialect: signalR(),
        rooms: [`idle-${(first + index) % 100}`],
        onMessage: () => {},
        onClose: () => {
          closed += 1;
        },
      }),
    );
    await Promise.all(group);
  }
  return () => `${number(count)} connected, ${number(closed)} closed`;
}

function handshakes(): End {
  const upgrade =
    `GET /hubs/events HTTP/1.1\r\n${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
  return hold({
    'no byte': { start: '' },
    'slow headers': { start: `GET /healthz HTTP/1.1\r\n${host}\r\nX: `, trickle: 'x' },
    'slow upgrade': { start: `${upgrade}X: `, trickle: 'x' },
    'WebSocket without a handshake': { start: `${upgrade}\r\n` },
  });
}

async function posts(): Promise<End> {
  const connection = await PollingConnection.open(url);
  const state = { hasEnded: false };
  const keep = async (): Promise<void> => {
    while (!state.hasEnded && (await connection.poll()) === 200);
  };
  void keep();
  const body = `${host}\r\nContent-Type: application/json\r\nContent-Length: 30000\r\n\r\n`;
  const end = hold({
    events: { start: `POST /v1/events HTTP/1.1\r\n${body}[`, trickle: ' ' },
    'messages of one connection': { start: `POST ${connection.path} HTTP/1.1\r\n${body}{`, trickle: ' ' },
  });
  return () => {
    state.hasEnded = true;
    return end();
  };
}

/** Polls of each kind per second, over all connections. */
const pollsPerSecond = 1_000;
const parallel = 50;

async function polls(): Promise<End> {
  const state = { hasEnded: false };
  const made = { dropped: 0, replaced: 0 };
  const connections: PollingConnection[] = [];
  for (let index = 0; index < count; index += 1) connections.push(await PollingConnection.open(url));
  const dropping = async (connection: PollingConnection): Promise<void> => {
    while (!state.hasEnded) {
      void connection.poll(20);
      made.dropped += 1;
      await pause((count / 2 / pollsPerSecond) * 1_000);
    }
  };
  const flooding = async (connection: PollingConnection): Promise<void> => {
    while (!state.hasEnded) {
      // The gateway answers each poll at once when the next one replaces it. Only the last poll waits, until the next burst.
      for (let poll = 0; poll < parallel; poll += 1) void connection.poll();
      made.replaced += parallel;
      await pause(((count / 2) * parallel * 1_000) / pollsPerSecond);
    }
  };
  connections.forEach((connection, index) => void (index % 2 === 0 ? dropping : flooding)(connection));
  return () => {
    state.hasEnded = true;
    return `${number(count)} connections: ${number(made.dropped)} polls dropped after 20 ms, ${number(made.replaced)} polls in bursts of ${parallel} on one connection`;
  };
}

const attacks: Readonly<Record<AttackKind, () => End | Promise<End>>> = { idle, handshakes, posts, polls };
const end = await attacks[kind]();
process.once('message', () => {
  process.send?.({ text: end() });
  process.exit(0);
});
process.send?.({ ready: true });
