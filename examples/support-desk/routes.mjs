// The routes that the backend calls with the header X-Internal-Api-Key.
import { createHash, timingSafeEqual } from 'node:crypto';
import { desk } from './desk.mjs';
import { roomOfSession } from './hubs/remote-access.mjs';

const body = {
  type: 'object',
  required: ['event_id', 'session_id'],
  properties: { event_id: { type: 'string', format: 'uuid' }, session_id: { type: 'string', minLength: 1 } },
};

const uacRoutes = [
  ['/remote-access/uac-detected', true],
  ['/remote-access/uac-dismissed', false],
];

/** Adds the routes to the HTTP server of the gateway. */
export function addRoutes({ http, publisher, presence }, apiKey) {
  http.get('/health', () => ({ status: 'healthy', timestamp: new Date().toISOString() }));
  http.register(
    async (internal) => {
      internal.addHook('onRequest', keyGuard(apiKey));
      // An ID that is too long, or has control characters.
      internal.setErrorHandler((error, _request, reply) => {
        if (error.code !== 'invalid_event' && error.code !== 'invalid_argument') throw error;
        return reply.code(400).send({ error: error.message });
      });
      for (const [path, isShown] of uacRoutes)
        internal.post(path, { schema: { body } }, async ({ body: { event_id: eventId, session_id } }) => {
          const room = roomOfSession(session_id);
          const result = await publisher.publish(
            'uac_change',
            room,
            { session_id, is_shown: isShown },
            { eventId },
          );
          return result.isDuplicate ? { duplicate: true } : { broadcast: true };
        });
      internal.get('/stats', () => statsOf([...desk.connections.values()]));
      internal.get('/users/:userId/online', async ({ params: { userId } }) => {
        const { online, connections } = await presence.online(userId);
        return { userId, isOnline: online, connectionCount: connections };
      });
    },
    { prefix: '/internal' },
  );
}

function keyGuard(apiKey) {
  const expected = digestOf(apiKey);
  return async (request, reply) => {
    const key = request.headers['x-internal-api-key'];
    if (key === undefined) return reply.code(401).send({ error: 'API key required' });
    if (!timingSafeEqual(digestOf(String(key)), expected))
      return reply.code(403).send({ error: 'Invalid API key' });
  };
}

function digestOf(text) {
  return createHash('sha256').update(text).digest();
}

/** Returns the counts of this gateway. The IDs of calls are in Redis, with those of all events. */
function statsOf(connections) {
  return {
    connections: connections.length,
    users: new Set(connections.map(({ userId }) => userId)).size,
    rooms: new Set(connections.flatMap(({ rooms }) => [...rooms])).size,
    idempotencyEntries: 0,
  };
}
