// Publishes by one POST per event over a pool of kept connections, with the fastest client there is for Node. Arguments: the
// server's URL, path, connections.
import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { eventOf } from '../../traffic/events.js';
import { servePublisher } from '../../traffic/publisher.js';

const [url = '', path = '', connections = '32'] = process.argv.slice(2);
const pool = new Pool(url, { connections: Number(connections), pipelining: 1 });
const headers = { 'content-type': 'application/json' };

servePublisher(async (roomId, place) => {
  const { type, payload } = eventOf('chat', place);
  const body = JSON.stringify({
    event_id: randomUUID(),
    event_type: type,
    timestamp: new Date().toISOString(),
    room_id: roomId,
    payload,
  });
  const answer = await pool.request({ path, method: 'POST', headers, body });
  await answer.body.dump();
  if (answer.statusCode >= 300) throw new Error(`answered ${answer.statusCode}`);
});
