// A gateway gets more requests than it can handle. It delivers the events of the accepted requests, and refuses the others
// with a time for the next attempt. Afterwards, it works normally.
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { chatMessage, type SampleEvent } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readMetric, readMetricsText } from '../../fixtures/http/metrics.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';

const connections = 200;
/**
 * Number of requests that each connection sends before it waits for answers. It is so large that more requests wait than the
 * gateway can accept, even if this process is slow. With 10,000 requests at once, those at the end took longer than a request may
 * take on a busy machine, and were answered with 408.
 */
const requestsAhead = 20;
const maxRequests = 60_000;

interface Flood {
  readonly stored: ReadonlySet<string>;
  /** The head and body of each refusal. */
  readonly refusals: readonly string[];
  readonly others: readonly string[];
}

/** Publishes over many concurrent connections, with one event per request, until 200 requests were refused. */
async function flood(port: number): Promise<Flood> {
  const stored = new Set<string>();
  const refusals: string[] = [];
  const others: string[] = [];
  let sent = 0;
  const isOver = (): boolean => refusals.length >= 200 || others.length > 0 || sent >= maxRequests;
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' }).setEncoding('latin1');
      /** The event IDs of the unanswered requests, in the order of the requests. Answers arrive in the same order. */
      let waiting: string[] = [];
      let text = '';
      const post = (): void => {
        const events = Array.from({ length: requestsAhead }, (_, n) =>
          chatMessage('room', `number ${sent + n}`),
        );
        sent += events.length;
        waiting = events.map(({ event_id }) => event_id);
        socket.write(events.map(requestOf).join(''));
      };
      const onAnswer = (answer: string): void => {
        const eventId = waiting.shift() ?? '';
        if (answer.startsWith('HTTP/1.1 201')) stored.add(eventId);
        else if (answer.startsWith('HTTP/1.1 503')) refusals.push(answer);
        else others.push(answer);
        if (waiting.length > 0) return;
        if (isOver()) socket.end();
        else post();
      };
      socket.on('connect', post);
      socket.on('data', (chunk: string) => {
        text += chunk;
        for (let length = answerLength(text); length > 0; length = answerLength(text)) {
          const answer = text.slice(0, length);
          text = text.slice(length);
          onAnswer(answer);
        }
      });
      socket.on('error', (error) => others.push(error.message));
      socket.on('close', () => resolve());
    });
  await Promise.all(Array.from({ length: connections }, one));
  return { stored, refusals, others };
}

function requestOf(event: SampleEvent): string {
  const body = JSON.stringify(event);
  return (
    'POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n' +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

/** Returns the length of the answer at the beginning of a Latin-1 text, or 0 if the answer is incomplete. */
function answerLength(text: string): number {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return 0;
  const bodyLength = Number(/content-length: (\d+)/i.exec(text.slice(0, headEnd))?.[1] ?? 0);
  const length = headEnd + 4 + bodyLength;
  return text.length < length ? 0 : length;
}

test('a gateway with more requests than it can accept refuses the excess and stores accepted events', async () => {
  await using system = await startOnRedis();
  const { stored, refusals, others } = await flood(Number(new URL(system.url).port));
  expect(others).toEqual([]);
  expect(refusals.length).toBeGreaterThanOrEqual(200);
  for (const refusal of refusals) {
    const [head = '', body = ''] = refusal.split('\r\n\r\n');
    expect(head).toMatch(/\r\nretry-after: [1-9]/i);
    expect(head).toMatch(/\r\ncontent-type: application\/problem\+json/i);
    // The code depends on the overloaded part: the gateway or Redis.
    expect(['overloaded', 'outbox_full']).toContain((JSON.parse(body) as { code: string }).code);
  }
  // Every confirmed event is in the stream.
  const entries = JSON.parse(await system.redis.cli('--json', 'xrange', 'events:chat', '-', '+')) as [
    string,
    string[],
  ][];
  const ids = new Set(entries.map(([, fields]) => fields[fields.indexOf('event_id') + 1]));
  expect([...stored].filter((eventId) => !ids.has(eventId))).toEqual([]);
  expect(await readMetric(system.url, 'http_refusals_total', { at: 'api' })).toBe(refusals.length);
  // The load is over, so every request is served.
  await acceptEvents(system.url, [chatMessage('room', 'afterwards')]);
});

test('the metric `saturation` of a gateway is a number from 0 to 1', async () => {
  await using system = await startOnRedis();
  const [, figure] = /^saturation (\S+)$/m.exec(await readMetricsText(system.url)) ?? [];
  expect(Number(figure)).toBeGreaterThanOrEqual(0);
  expect(Number(figure)).toBeLessThanOrEqual(1);
});
