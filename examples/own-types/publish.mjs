// Publishes an event with the library. Run it with
// node publish.mjs
import { connectPublisher } from '@millrace/publisher';
import { catalog } from './app.mjs';

const publisher = await connectPublisher({ redisUrl: 'redis://localhost:6379', catalog });
await publisher.publish('order_shipped', 'order-7', { order_id: '7', parcels: 3 });
await publisher.close();
