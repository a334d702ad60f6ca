// The bridge that one writes first: the backend POSTs each event to the socket server, which sends it to the room. With Redis it
// also appends the event to the stream and answers after the write. Argument: Redis, or nothing.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Redis } from 'ioredis';
import { sendToRoom, serveRooms } from '../../floor/room-server.js';

interface Posted {
  readonly event_id: string;
  readonly event_type: string;
  readonly timestamp: string;
  readonly room_id: string;
  readonly payload: unknown;
}

const redisUrl = process.argv[2];
const redis = redisUrl === undefined ? undefined : new Redis(redisUrl);
await redis?.ping();

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** Stores it, when there is a stream, then sends it to the room. */
async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await textOf(request);
  const event = JSON.parse(text) as Posted; // from the publisher beside this file
  if (redis !== undefined) {
    const { event_id, event_type, timestamp, room_id } = event;
    const fields = { event_id, event_type, timestamp, room_id, payload: JSON.stringify(event.payload) };
    await redis.xadd('events:chat', '*', ...Object.entries(fields).flat());
  }
  sendToRoom(event.room_id, event.event_type, text);
  response.writeHead(204).end();
}

serveRooms((request, response) => {
  take(request, response).catch(() => response.writeHead(500).end());
});
