// Clients on flaky connections. Each connection is cut repeatedly, and stays down for some time. Millrace runs first, then
// Socket.IO with connection state recovery. The table shows how many messages arrive, how many arrive twice or out of order,
// and how late they are.
//
// npm run bench -- jitter [--clients 1000 --seconds 60 --write]
import { parseArgs } from 'node:util';
import { connectPublisher } from '@millrace/publisher';
import { machineLine, writeTable } from './harness/performance-page.js';
import { type Part, startGateway, startRedis, startScript } from './harness/processes.js';
import type { JitterFigures } from './jitter/receipts.js';
import { chatPayload } from './traffic/chat-payload.js';
import { nowNs } from './traffic/mark.js';
import { keepTime } from './traffic/metronome.js';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '100' },
    up: { type: 'string', default: '15000' },
    down: { type: 'string', default: '2000' },
    write: { type: 'boolean', default: false },
  },
});
const clientCount = Number(values.clients);
const seconds = Number(values.seconds);
const messagesPerSecond = Number(values.rate);
const clientsPerRoom = 20;
const roomCount = Math.ceil(clientCount / clientsPerRoom);
/** The run ends after this time without an arrival. It begins after the last cut. */
const quietMs = 5_000;

/** A server under test, with a function that publishes a message to it. */
interface System extends AsyncDisposable {
  readonly url: string;
  publish(room: string, content: string, number: number): Promise<unknown>;
}

async function startMillrace(redisUrl: string): Promise<System> {
  const gateway = await startGateway(redisUrl);
  const publisher = await connectPublisher({ redisUrl });
  return {
    url: gateway.url,
    publish: (room, content, number) =>
      publisher.publish('chat_message', room, chatPayload(content, number + 1)),
    async [Symbol.asyncDispose]() {
      await publisher.close();
      await gateway.part[Symbol.asyncDispose]();
    },
  };
}

async function startSocketIo(redisUrl: string): Promise<System> {
  const part = startScript('./jitter/socket-io-server.js', [redisUrl]);
  const { url } = await part.message<{ url: string }>();
  return {
    url,
    async publish(room, content) {
      part.child.send({ room, content });
    },
    [Symbol.asyncDispose]: () => part[Symbol.asyncDispose](),
  };
}

/** Waits until all messages have arrived, or no more arrive. */
async function settle(clients: Part, expected: number): Promise<void> {
  let newest = { delivered: 0, atMs: Date.now() };
  while (newest.delivered < expected && Date.now() - newest.atMs < quietMs) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    clients.child.send('count');
    const { delivered } = await clients.message<{ delivered: number }>();
    if (delivered > newest.delivered) newest = { delivered, atMs: Date.now() };
  }
}

async function run(start: (redisUrl: string) => Promise<System>, name: string): Promise<JitterFigures> {
  const redis = await startRedis();
  await using _redis = redis.part;
  await using system = await start(redis.url);
  const messagesPerRoom = Math.ceil((messagesPerSecond * seconds) / roomCount);
  const numbers = [clientCount, roomCount, messagesPerRoom, Number(values.up), Number(values.down)];
  await using clients = startScript('./jitter/clients.js', [name, system.url, ...numbers.map(String)]);
  await clients.message();
  clients.child.send('disturb');
  const sent: Promise<unknown>[] = [];
  const schedule = {
    startNs: nowNs() + 50e6,
    tickNs: 1e9 / messagesPerSecond,
    ticks: messagesPerSecond * seconds,
  };
  await keepTime(schedule, (index, intendedNs) => {
    const number = Math.floor(index / roomCount);
    const filler = 'x'.repeat(100);
    sent.push(
      system.publish(
        `room-${index % roomCount}`,
        `n=${number};t=${Math.round(intendedNs)};${filler}`,
        number,
      ),
    );
  });
  await Promise.all(sent);
  clients.child.send('calm');
  const expected = sent.length * clientsPerRoom;
  await settle(clients, expected);
  clients.child.send({ report: expected });
  const figures = await clients.message<JitterFigures>();
  await clients.end();
  return figures;
}

function row(name: string, figures: JitterFigures): string {
  const share = ((100 * figures.delivered) / figures.expected).toFixed(3).replace(/\.?0+$/, '');
  const secondsOf = (ms: number): string => (ms / 1_000).toFixed(2);
  const cells = [
    name,
    figures.expected.toLocaleString('en'),
    `${share} %`,
    figures.duplicates.toLocaleString('en'),
    figures.outOfOrder.toLocaleString('en'),
    figures.cuts.toLocaleString('en'),
    figures.replayed.toLocaleString('en'),
    `${secondsOf(figures.replayP50Ms)} / ${secondsOf(figures.replayP99Ms)} / ${secondsOf(figures.replayMaxMs)}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

const millrace = await run(startMillrace, 'millrace');
console.log(row('Millrace', millrace));
const socketIo = await run(startSocketIo, 'socket.io');
console.log(row('Socket.IO', socketIo));

const table = [
  `${clientCount.toLocaleString('en')} clients in rooms of ${clientsPerRoom}, ${messagesPerSecond} messages/s for ${seconds} s; each connection is cut about every ` +
    `${Number(values.up) / 1_000} s (±50 %) and stays down for ${Number(values.down) / 1_000} s. Late: handled more than 0.5 s after it was sent.`,
  '',
  '| system | to be delivered | delivered | handled twice | out of order | cuts | late | late by p50 / p99 / max, s |',
  '|---|---|---|---|---|---|---|---|',
  row('Millrace, `@millrace/client`', millrace),
  row('Socket.IO 4.8, state recovery, Redis Streams adapter', socketIo),
  '',
  `${machineLine()} Command: \`npm run bench -- jitter --clients ${clientCount} --seconds ${seconds} --write\`.`,
].join('\n');
console.log(`\n${table}`);
if (values.write) writeTable('jitter', table);
