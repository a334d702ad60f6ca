// The forms in which readers over HTTP receive a room's messages: server-sent events for streams, target and text for polls.
// Pure.
import type { ListenerEncoding } from '@millrace/signalr';
import { positionOf } from '../dispatch/event-text.js';

// Tells an EventSource how long to wait before it reconnects, if the close asks the client to stay away. Its next request is
// refused, and then it stops.
const REFUSED_RETRY_MS = 10_000;

/**
 * Server-sent events. `id` is the position. `event` is the type of the event, or `position`, or `resync`. `data` is the event
 * on one line. Line ends between the tokens of a payload become spaces.
 */
export const streamEncoding: ListenerEncoding = {
  name: 'event-source',
  writeCall(target, [text = '']) {
    const position = positionOf(text);
    const id = position === undefined ? '' : `id: ${position}\n`;
    return `${id}event: ${target}\ndata: ${text.replace(/[\r\n]/g, ' ')}\n\n`;
  },
  writePing: () => ':\n\n',
  writeClose: (mayReconnect) =>
    mayReconnect
      ? ': the gateway ends this stream, reconnect with the last id\n\n'
      : `: the gateway ends this stream\nretry: ${REFUSED_RETRY_MS}\n\n`,
};

/** The messages of a poll: target and text. Polls need no pings and no Close messages. */
export const pollEncoding: ListenerEncoding = {
  name: 'long-poll',
  writeCall: (target, [text = '']) => `${target}\n${text}`,
  writePing: () => '',
  writeClose: () => '',
};

/** Splits a message that {@link pollEncoding} wrote into target and text. A target contains no line break. */
export function readPollMessage(message: string): { readonly target: string; readonly text: string } {
  const end = message.indexOf('\n');
  return { target: message.slice(0, end), text: message.slice(end + 1) };
}

/** True for the protocol of a reader over HTTP. Such a reader joins only the room that it names. */
export function isListener(protocol: string): boolean {
  return protocol === streamEncoding.name || protocol === pollEncoding.name;
}
