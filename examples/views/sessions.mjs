// An application module whose clients call each other: the browsers in a session exchange the signals that connect them. Serve it with
// npx millrace serve --dev --app ./sessions.mjs
import { defineCatalog, defineStream, eventCatalog } from '@millrace/contract';
import { defineApp, defineGroupCalls, defineView, HubError } from '@millrace/gateway';

const catalog = defineCatalog({
  streams: [...eventCatalog.streams, defineStream({ name: 'events:signals', maxLength: 1_000 })],
  eventTypes: [
    ...eventCatalog.eventTypes,
    defineGroupCalls({ name: 'session_call', stream: 'events:signals' }),
  ],
});

const signals = ['SdpOffer', 'SdpAnswer', 'IceCandidate'];

const sessions = defineView({
  catalog,
  path: '/hubs/sessions',
  groups: ['session'],
  groupCalls: 'session_call',
  clientMethods: [...signals, 'SessionJoined', 'ParticipantJoined', 'ParticipantLeft'],
  methods: {
    async JoinSession(caller, session, role) {
      await caller.join('session', session);
      caller.state.set('session', session);
      caller.reply('SessionJoined', { session, role });
      await callOthers(caller, session, 'ParticipantJoined', { role });
    },
    async SendSignal(caller, session, signal, data) {
      if (!signals.includes(signal)) throw new HubError('This is not a signal.');
      if (!caller.isIn('session', session)) throw new HubError('Join the session first.');
      await callOthers(caller, session, signal, { data });
    },
    async Announce(caller, session, title) {
      await caller.publish('notification', session, { type: 'session', title });
      return title.length;
    },
  },
  async onDisconnected(caller) {
    const session = caller.state.get('session');
    if (session !== undefined) await callOthers(caller, session, 'ParticipantLeft', {});
  },
  sends: { notification: { method: 'Announced' } },
});

function callOthers(caller, room, method, details) {
  return caller.sendToOthers({ group: 'session', room }, method, { user: caller.user.userId, ...details });
}

export default defineApp({ name: 'sessions', catalog, views: [sessions] });
