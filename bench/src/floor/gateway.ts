// The floor: the least that can carry an event from a stream to sockets. Blocking XREAD, one frame built around the stored text,
// one write per socket. No checks, no ledger. Argument: Redis.
import { Redis } from 'ioredis';
import { sendToRoom, serveRooms } from './room-server.js';

/** Fields of an entry, names and values in turn. */
function deliver(flat: readonly string[]): void {
  const field = (name: string): string => flat[flat.indexOf(name) + 1] ?? '';
  const type = field('event_type');
  const room = field('room_id');
  sendToRoom(
    room,
    type,
    `{"event_id":"${field('event_id')}","event_type":"${type}","timestamp":"${field('timestamp')}","room_id":"${room}",` +
      `"payload":${field('payload')}}`,
  );
}

const redis = new Redis(process.argv[2] ?? '');
await redis.ping();
serveRooms();
for (let cursor = '0-0'; ; ) {
  const streams = await redis.xread('COUNT', 500, 'BLOCK', 2_000, 'STREAMS', 'events:chat', cursor);
  for (const [, entries] of streams ?? []) {
    for (const [id, flat] of entries) {
      cursor = id;
      deliver(flat);
    }
  }
}
