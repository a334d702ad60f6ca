// Adds events to a stream by XADD in pipelines, each with a new ID. Adds as many events as requested, or as many as Redis
// accepts. Arguments: port of Redis, room, events per second, seconds.
import { connect } from 'node:net';
import { chatPayload } from '../traffic/chat-payload.js';

const [port = '', room = '', perSecondText = '0', secondsText = '0'] = process.argv.slice(2);
const perSecond = Number(perSecondText);
const endMs = Number(secondsText) * 1_000;
const turnMs = 5;
/**
 * Maximum number of bytes that wait in the socket. New events are created only below it, so that the memory of this process
 * is bounded.
 */
const maxWaitingBytes = 8_000_000;

const mark = 'ffffffffffff';
const parts = [
  'XADD',
  'events:chat',
  '*',
  'event_id',
  `7c9e6679-7425-40de-944b-${mark}`,
  'event_type',
  'chat_message',
  'timestamp',
  new Date().toISOString(),
  'room_id',
  room,
  'payload',
  JSON.stringify(chatPayload('x', 1)),
].map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
const template = Buffer.from(`*${parts.length}\r\n${parts.join('')}`);
const at = template.indexOf(mark);

const socket = connect(Number(port), '127.0.0.1');
socket.resume();
let sent = 0;

function turn(startMs: number): void {
  const elapsedMs = performance.now() - startMs;
  const due = Math.floor((Math.min(elapsedMs, endMs) / 1_000) * perSecond);
  const batch: Buffer[] = [];
  for (; sent < due && socket.writableLength + batch.length * template.length < maxWaitingBytes; sent += 1) {
    const copy = Buffer.from(template);
    copy.write(sent.toString(16).padStart(mark.length, '0'), at, 'latin1');
    batch.push(copy);
  }
  if (batch.length > 0) socket.write(Buffer.concat(batch));
  if (elapsedMs < endMs) setTimeout(() => turn(startMs), turnMs);
}

socket.once('connect', () => {
  process.send?.({ ready: true });
  turn(performance.now());
});
process.once('message', () => {
  process.send?.({ sent });
  process.exit(0);
});
