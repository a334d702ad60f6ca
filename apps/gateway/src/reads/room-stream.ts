// A room as a stream of server-sent events. The stream is a connection of the hub. The hub's replay, order, catching up of
// slow clients, keep-alive and drain therefore apply to it.
import type { Position } from '@millrace/broker';
import { ListenerStream } from '@millrace/signalr';
import type { FastifyReply } from 'fastify';
import type { Problem } from '../http/problem.js';
import type { EventsContext } from '../hub/events-context.js';
import type { EventsHub } from '../hub/events-hub.js';
import type { JoinResult } from '../rooms/room-connection.js';
import { problemOfJoin } from './failed-join.js';
import type { Reader } from './reader-admission.js';
import { streamEncoding } from './reader-encodings.js';

// The time that an EventSource waits before it reconnects. An EventSource does not randomise the time itself, so each stream
// is sent a different one.
const [minRetryMs, retrySpreadMs] = [500, 1_500];

/**
 * Opens the stream. Resolves when the response has begun. Resolves with a problem if the reader is refused.
 *
 * @throws the error of a defect, as a rejection
 */
export function openRoomStream(
  listeners: EventsHub['listeners'],
  reader: Reader,
  given: { readonly after: Position | undefined; readonly headers: Readonly<Record<string, string>> },
  reply: FastifyReply,
): Promise<Problem | undefined> {
  return new Promise((resolve, reject) => {
    const begin = (): void => {
      if (!reply.sent) void reply.hijack();
      resolve(undefined);
    };
    const stream = new ListenerStream(reply.raw, {
      headers: given.headers,
      head: `retry: ${minRetryMs + Math.floor(Math.random() * retrySpreadMs)}\n\n`,
      onBegin: begin,
    });
    reply.raw.once('close', begin);
    const onOpen = async (context: EventsContext): Promise<void> => {
      try {
        const joined = await context.items.join(context, reader.roomId, given.after);
        sendJoined(context, joined, given.after !== undefined);
      } catch (error) {
        if (stream.hasBegun) throw error;
        stream.release();
        const problem = problemOfJoin(error);
        if (problem === undefined) reject(error);
        else resolve(problem);
      }
    };
    listeners.open(reader.client, stream, { encoding: streamEncoding, onOpen });
  });
}

/**
 * Sends what other clients get as the answer of `JoinRoom`. If events are lost, sends the resync first: a reader that breaks
 * off in between then keeps its old position.
 */
function sendJoined(context: EventsContext, joined: JoinResult, hasPosition: boolean): void {
  const { roomId: room_id, position, ...rest } = joined;
  const { caller } = context.clients;
  if (hasPosition && !joined.recovered) caller.send('resync', { room_id, reason: 'missed' });
  caller.send('position', { room_id, ...rest, position });
}
