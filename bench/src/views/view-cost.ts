// Measures the CPU time of a gateway per event and per delivery: without views, beside views that nobody uses, and to the clients of
// views. The situations take turns. Every situation has a gateway of its own, on one Redis.
//
//   npm run bench -- view-cost [--rounds 3] [--events 4000] [--write]
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cpuMsOf } from '../harness/cost.js';
import { startLibraryPublisher } from '../harness/light-run.js';
import { machineLine, writeTable } from '../harness/performance-page.js';
import { startGateway, startRedis } from '../harness/processes.js';
import { spread } from '../harness/statistics.js';
import { signalR } from '../traffic/dialects.js';
import { LightSocket } from '../traffic/light-socket.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    events: { type: 'string', default: '4000' },
    write: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const events = Number(values.events);
const eventsPerSecond = 1_000;
const [few, many] = [1, 100];
const room = 'view-cost';

const gateway = new URL('../../../apps/gateway/dist/index.js', import.meta.url).href;
const moduleOf = (send: string): string => `import { defineApp, defineView } from ${JSON.stringify(gateway)};
const sends = { chat_message: ${send} };
export default defineApp({
  views: [defineView({ path: '/hubs/view', sends, appendsPosition: true, methods: { JoinRoom: { join: 'room' } } })],
});`;

const payload = "{ method: 'Received' }";
const computed =
  "{ method: 'Received', arguments: ({ room_id: room, payload }, written) => [{ room, from: payload.id, data: written.payload }] }";

/** The declared messages of a view, and whether its clients are measured. */
const situations: Readonly<Record<string, { readonly send?: string; readonly isOfView?: boolean }>> = {
  'no view': {},
  'a view without clients in the room': { send: payload },
  'a view, the payload as it was written': { send: payload, isOfView: true },
  'a view, arguments by a function': { send: computed, isOfView: true },
  'a view, two messages per event': { send: `[${payload}, ${computed}]`, isOfView: true },
};

/** Returns the CPU time of the gateway for one event to this number of clients, in microseconds. */
async function costOf(
  url: string,
  pid: number,
  publish: () => Promise<void>,
  { clients, path, frames }: { readonly clients: number; readonly path: string; readonly frames: number },
): Promise<number> {
  let received = 0;
  let isMeasured = false;
  const sockets = await Promise.all(
    Array.from({ length: clients }, () =>
      LightSocket.open({
        url,
        dialect: { ...signalR(), path },
        rooms: [room],
        onMessage: ({ length }) => {
          // Every message with an event is longer than a ping.
          if (isMeasured && length > 100) received += 1;
        },
      }),
    ),
  );
  isMeasured = true;
  const before = cpuMsOf(pid);
  await publish();
  const isComplete = (): boolean => received >= events * clients * frames;
  while (!isComplete()) await new Promise((resolve) => setTimeout(resolve, 20));
  const cpuMs = cpuMsOf(pid) - before;
  for (const socket of sockets) socket.drop();
  return (cpuMs * 1_000) / events;
}

const redis = await startRedis();
await using _redis = redis.part;
await using publisher = await startLibraryPublisher(redis.url);
const folder = await mkdtemp(join(tmpdir(), 'view-cost-'));
const results = new Map<string, { readonly perEvent: number[]; readonly perDelivery: number[] }>();
try {
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, { send, isOfView = false }] of Object.entries(situations)) {
      const app = join(folder, 'app.mjs');
      if (send !== undefined) await writeFile(app, moduleOf(send));
      const { part, url } = await startGateway(redis.url, {
        environment: send === undefined ? {} : { MILLRACE_APP: app },
      });
      await using _part = part;
      const publish = () => publisher.publish({ rooms: [room], eventsPerSecond, events });
      const path = isOfView ? '/hubs/view' : '/hubs/events';
      const frames = name.includes('two messages') ? 2 : 1;
      const one = await costOf(url, part.pid, publish, { clients: few, path, frames });
      const hundred = await costOf(url, part.pid, publish, { clients: many, path, frames });
      if (round < 0) continue;
      const { perEvent, perDelivery } = results.get(name) ?? { perEvent: [], perDelivery: [] };
      results.set(name, {
        perEvent: [...perEvent, one],
        perDelivery: [...perDelivery, (hundred - one) / (many - few)],
      });
    }
  }
} finally {
  await rm(folder, { recursive: true });
}

const table = [
  `CPU time of one gateway for chat messages of about 450 bytes in one room, ${eventsPerSecond.toLocaleString('en')} events/s, ${rounds} rounds of ${events.toLocaleString('en')} events after one that warms up; median [lowest–highest] in microseconds. Per event: with one client, everything included that the gateway does for an event. Per delivery: for each further client, of ${many}.`,
  '',
  '| clients | µs per event | µs per delivery |',
  '|---|---|---|',
  ...Array.from(
    results,
    ([name, { perEvent, perDelivery }]) => `| ${name} | ${spread(perEvent)} | ${spread(perDelivery)} |`,
  ),
  '',
  `${machineLine()} Command: \`npm run bench -- view-cost --write\`.`,
].join('\n');
console.log(table);
if (values.write) writeTable('view-cost', table);
