// Gives the event types to the gateway. Serve it with
// MILLRACE_REDIS_URL=redis://localhost:6379 npx millrace serve --dev --app ./app.mjs
import { defineApp } from '@millrace/gateway';
import { catalog } from './catalog.mjs';

export default defineApp({ name: 'tickets', catalog });
