// An application module with its own event type and one route. Serve it with
// npx millrace serve --dev --app ./app.mjs
import { defineCatalog, defineEventType, defineStream, Type } from '@millrace/contract';
import { defineApp } from '@millrace/gateway';

export const catalog = defineCatalog({
  streams: [defineStream({ name: 'events:orders', maxLength: 10_000 })],
  eventTypes: [
    defineEventType({
      name: 'order_shipped',
      description: 'An order has left the warehouse.',
      payload: Type.Object({ order_id: Type.String(), parcels: Type.Integer({ minimum: 1 }) }),
      stream: 'events:orders',
      lane: 'high',
      maxAgeMs: null,
      replay: { mode: 'all' },
    }),
  ],
});

export default defineApp({
  name: 'orders',
  catalog,
  http({ http, publisher }) {
    http.post('/orders/:id/ship', async (request, reply) => {
      const { id } = request.params;
      const payload = { order_id: id, parcels: request.body.parcels };
      return reply.code(201).send(await publisher.publish('order_shipped', `order-${id}`, payload));
    });
  },
});
