import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { signalR } from '../src/traffic/dialects.js';
import { eventOf, markedIn } from '../src/traffic/events.js';
import {
  createHistogram,
  decodeHistogram,
  encodeHistogram,
  percentileMs,
  recordNs,
} from '../src/traffic/histogram.js';
import { LightSocket } from '../src/traffic/light-socket.js';
import { contentOf, markOf, nowNs, readMarks } from '../src/traffic/mark.js';
import { keepTime } from '../src/traffic/metronome.js';
import { Receipts } from '../src/traffic/receipts.js';

function marksIn(text: string): readonly (readonly [number, number])[] {
  const marks: [number, number][] = [];
  readMarks(Buffer.from(text), (intendedNs, number) => marks.push([intendedNs, number]));
  return marks;
}

test('readMarks finds every send time and number in a message, and takes no other text for a mark', () => {
  const text = `{"position":"aGk~t","payload":{"content":"${contentOf(123_456_789_012, 7)}"}} ${contentOf(5, 0)} t=9;n=9;`;
  expect(marksIn(text)).toEqual([
    [123_456_789_012, 7],
    [5, 0],
  ]);
  expect(markOf(contentOf(12, 3))).toEqual({ intendedNs: 12, number: 3 });
  expect(markOf('hello')).toBeUndefined();
});

test('a histogram has the same percentiles after it was encoded and decoded', () => {
  const histogram = createHistogram();
  for (let us = 1; us <= 1_000; us += 1) recordNs(histogram, us * 1_000);
  recordNs(histogram, -5);
  recordNs(histogram, 1e15);
  const copy = decodeHistogram(encodeHistogram(histogram));
  expect(copy.totalCount).toBe(1_002);
  expect(percentileMs(copy, 50)).toBeCloseTo(0.5, 2);
  expect(percentileMs(copy, 99)).toBeCloseTo(0.991, 2);
  expect(percentileMs(createHistogram(), 50)).toBeNaN();
});

test('the metronome calls back once for each tick, in order, and never before the time of the tick', async () => {
  const schedule = { startNs: nowNs() + 5e6, tickNs: 2e6, ticks: 50 };
  const ticks: number[] = [];
  let early = 0;
  await keepTime(schedule, (tick, intendedNs) => {
    ticks.push(tick);
    if (nowNs() < intendedNs) early += 1;
    expect(intendedNs).toBe(schedule.startNs + tick * schedule.tickNs);
  });
  expect(ticks).toEqual(Array.from({ length: 50 }, (_, tick) => tick));
  expect(early).toBe(0);
});

test('a late tick of the metronome keeps its intended time', async () => {
  const schedule = { startNs: nowNs() + 1e6, tickNs: 1e6, ticks: 30 };
  const lateNs: number[] = [];
  await keepTime(schedule, (tick, intendedNs) => {
    lateNs.push(nowNs() - intendedNs);
    if (tick !== 5) return;
    for (const endNs = nowNs() + 15e6; nowNs() < endNs; );
  });
  // Ten ticks became due during the pause. The first of these ticks waited longest.
  expect(lateNs[6]).toBeGreaterThan(12e6);
  expect(lateNs).toHaveLength(30);
});

test('receipts count an event that arrives after a later one as out of order', () => {
  const receipts = new Receipts();
  const [one, other] = [receipts.forClient(), receipts.forClient()];
  one(nowNs(), 3);
  receipts.reset(10);
  one(nowNs(), 4);
  for (const number of [10, 11, 12]) one(nowNs(), number);
  for (const number of [11, 10, 12, 12]) other(nowNs(), number);
  expect(receipts.report()).toMatchObject({ received: 7, outOfOrder: 2 });
});

/** A WebSocket server that answers a join and then sends `messages`. With `hasFragments`, it sends each message in two frames. */
async function serve(messages: readonly string[], hasFragments: boolean): Promise<string> {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    http.close();
  });
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      if (data.toString().includes('protocol')) socket.send('{}\u001e');
      else if (data.toString().includes('JoinRoom')) {
        socket.send('{"type":3,"invocationId":"1","result":null}\u001e');
        socket.ping();
        for (const message of messages) {
          if (!hasFragments) socket.send(message);
          else {
            socket.send(message.slice(0, 4), { fin: false });
            socket.send(message.slice(4), { fin: true });
          }
        }
      }
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

test.each([false, true])(
  'a light client reads every message of a server (messages in fragments: %s)',
  async (hasFragments) => {
    const lengths = [100, 125, 126, 1_000, 65_535, 65_536, 200_000];
    const messages = lengths.map((length, number) => `~t=1;n=${number};`.padEnd(length, 'x'));
    const url = await serve(messages, hasFragments);
    const read: number[] = [];
    let onAll = (): void => {};
    const all = new Promise<void>((resolve) => {
      onAll = resolve;
    });
    const socket = await LightSocket.open({
      url,
      dialect: signalR(),
      rooms: ['room'],
      onMessage: (payload) => {
        readMarks(payload, (_, number) => {
          read.push(number);
          expect(payload).toHaveLength(lengths[number] ?? 0);
        });
        if (read.length === lengths.length) onAll();
      },
    });
    await all;
    socket.drop();
    expect(read).toEqual([0, 1, 2, 3, 4, 5, 6]);
  },
);

test('a light client whose upgrade request is refused reports the status of the refusal', async () => {
  const http = createServer((_, response) => response.writeHead(404).end());
  onTestFinished(() => void http.close());
  http.on('upgrade', (_, socket) => socket.end('HTTP/1.1 503 Busy\r\n\r\n'));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const open = LightSocket.open({ url, dialect: signalR(), rooms: ['room'], onMessage: () => {} });
  await expect(open).rejects.toThrow('503');
});

test('markedIn() returns the number of marked messages in a mixed day, for any number of the first event', () => {
  for (const [first, events] of [
    [0, 100],
    [3, 27],
    [1_999, 2],
    [10, 1],
    [11, 9],
  ] as const) {
    const marked = Array.from({ length: events }, (_, index) => first + index).filter(
      (number) => eventOf('day', { number, room: 0, intendedNs: 1 }).type === 'chat_message',
    );
    expect(markedIn('day', first, events)).toBe(marked.length);
    expect(markedIn('chat', first, events)).toBe(events);
  }
});
