// The hub /hubs/remote-access: the two participants of a remote session call each other, on whichever gateways they are.
import { defineView, HubError } from '@millrace/gateway';
import { connected, desktopGroup, disconnected, maxReceiveBytes } from '../desk.mjs';

/** The client methods that `SendSignal` may name. The old service calls any method that a client names. */
const signals = ['SdpOffer', 'SdpAnswer', 'IceCandidate'];

/** Returns the room of a session. Clients may send anything as its ID: null and objects would be one room for all that send them. */
export function roomOfSession(sessionId) {
  if (typeof sessionId !== 'string' || sessionId === '')
    throw new HubError('The session ID must be a string that is not empty.');
  return `remote-access:${sessionId}`;
}

const detected = (sessionId) => ({ sessionId, message: 'Waiting for user to complete UAC prompt...' });
const only = (sessionId) => ({ sessionId });

/** Calls a method of the other participants. */
function tellOthers(caller, sessionId, method, argument) {
  return caller.sendToOthers({ group: 'session', room: roomOfSession(sessionId) }, method, argument);
}

function sendSignal(caller, sessionId, method, payload) {
  if (!signals.includes(method)) throw new HubError(`The signal must be one of ${signals.join(', ')}.`);
  return tellOthers(caller, sessionId, method, { sessionId, payload, fromUserId: caller.user.userId });
}

/** Returns a method that sends one kind of signal. */
function signal(method) {
  return (caller, sessionId, payload) => sendSignal(caller, sessionId, method, payload);
}

/** Returns a method that tells the others what has happened. */
function notice(method, argumentOf = only) {
  return (caller, sessionId) => tellOthers(caller, sessionId, method, argumentOf(sessionId));
}

function tellLeft(caller, sessionId) {
  return tellOthers(caller, sessionId, 'ParticipantLeft', { sessionId, userId: caller.user.userId });
}

export const remoteAccessHub = defineView({
  path: '/hubs/remote-access',
  groups: ['session', desktopGroup],
  groupCalls: 'session_call',
  sends: {
    uac_change: ({ payload: { session_id: sessionId, is_shown: isShown } }) => [
      isShown
        ? { method: 'UacDetected', arguments: [detected(sessionId)] }
        : { method: 'UacDismissed', arguments: [only(sessionId)] },
    ],
  },
  methods: {
    async JoinSession(caller, sessionId, participantType) {
      await caller.join('session', roomOfSession(sessionId));
      caller.state.set(sessionId, true);
      caller.reply('SessionJoined', { sessionId, participantType });
      const { userId } = caller.user;
      await tellOthers(caller, sessionId, 'ParticipantJoined', { sessionId, participantType, userId });
    },
    async LeaveSession(caller, sessionId) {
      await tellLeft(caller, sessionId);
      caller.leave('session', roomOfSession(sessionId));
      caller.state.delete(sessionId);
      caller.reply('SessionLeft', sessionId);
    },
    SendSignal: sendSignal,
    SendSdpOffer: signal('SdpOffer'),
    SendSdpAnswer: signal('SdpAnswer'),
    SendIceCandidate: signal('IceCandidate'),
    EnableControl: notice('ControlEnabled'),
    DisableControl: notice('ControlDisabled'),
    NotifyUacDetected: notice('UacDetected', detected),
    NotifyUacDismissed: notice('UacDismissed'),
  },
  clientMethods: [
    ...signals,
    'SessionJoined',
    'SessionLeft',
    'ParticipantJoined',
    'ParticipantLeft',
    'ControlEnabled',
    'ControlDisabled',
    'UacDetected',
    'UacDismissed',
  ],
  onConnected: connected,
  async onDisconnected(caller) {
    disconnected(caller);
    await Promise.all([...caller.state.keys()].map((sessionId) => tellLeft(caller, sessionId)));
  },
  maxReceiveBytes,
});
