// The application module of the fault tests: the built-in event types, and a view that sends two messages for each event.
import { defineApp, defineView } from '@millrace/gateway';

const messages = [
  { method: 'Announced', arguments: ({ event_id }) => [event_id] },
  { method: 'Happened', arguments: ({ event_id }) => [event_id] },
];

const view = defineView({
  path: '/hubs/view',
  sends: { chat_message: messages, notification: messages, status_change: messages },
  methods: { Join: { join: 'room' } },
  appendsPosition: true,
  notices: { resync: 'Reload', position: 'Position' },
});

export default defineApp({ name: 'faults', views: [view] });
