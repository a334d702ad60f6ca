// A producer that sends typing events by plain XADD at any rate. The producer writes directly into the
// socket, so that it uses little CPU time itself.
//
// Arguments: Redis port, rooms, events per second, seconds.
import { connect } from 'node:net';

const [port = '', roomsText = '', eventsPerSecond = '0', seconds = '0'] = process.argv.slice(2);
const rooms = roomsText.split(',');
const usersPerRoom = 10;
const turnMs = 5;

function command(args: readonly string[]): Buffer {
  const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
  return Buffer.from(`*${args.length}\r\n${parts.join('')}`);
}

/** Returns the bytes of one XADD command, and the position of the event ID's last digits in them. */
function template(room: string, user: number): { readonly bytes: Buffer; readonly at: number } {
  const userId = `3f2504e0-4f89-41d3-9a0c-${String(user).padStart(12, '0')}`;
  const mark = 'ffffffffffff';
  const bytes = command([
    'XADD',
    'events:chat',
    '*',
    'event_id',
    `7c9e6679-7425-40de-944b-${mark}`,
    'event_type',
    'typing_start',
    'timestamp',
    new Date().toISOString(),
    'room_id',
    room,
    'payload',
    JSON.stringify({ user_id: userId, username: 'maria', is_typing: true }),
    'metadata',
    '{"source_instance":"storm"}',
  ]);
  return { bytes, at: bytes.indexOf(mark) };
}

const templates = rooms.flatMap((room, index) =>
  Array.from({ length: usersPerRoom }, (_, user) => template(room, index * usersPerRoom + user)),
);
const socket = connect(Number(port), '127.0.0.1');
socket.resume();
const rate = Number(eventsPerSecond);
const endMs = Number(seconds) * 1_000;
let sent = 0;
let startMs = 0;

function turn(): void {
  const elapsedMs = performance.now() - startMs;
  const due = Math.floor((Math.min(elapsedMs, endMs) / 1_000) * rate);
  const batch: Buffer[] = [];
  for (; sent < due; sent += 1) {
    const { bytes, at } = templates[sent % templates.length] ?? template('', 0);
    const copy = Buffer.from(bytes);
    copy.write(sent.toString(16).padStart(12, '0'), at, 'latin1');
    batch.push(copy);
  }
  if (batch.length > 0) socket.write(Buffer.concat(batch));
  if (elapsedMs < endMs) setTimeout(turn, turnMs);
  else socket.end(() => process.disconnect?.());
}

socket.once('connect', () => {
  process.send?.({ ready: true });
  startMs = performance.now();
  turn();
});
