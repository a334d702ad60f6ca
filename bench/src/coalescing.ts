// Measures how many stream entries coalescing saves while 50 scripted users type in 10 rooms through 3
// publisher processes. Also compares the cost of one coalesced input with the cost of a plain publish.
//
//   npm run bench -- coalescing [--seconds 20 --events 20000 --rounds 3 --write]
import { parseArgs } from 'node:util';
import { createClient } from '@redis/client';
import type { Cost } from './coalescing/cost.js';
import { type ArrivedEntry, type Judgement, judge } from './coalescing/judge.js';
import { CAST, type KeyGap, typingScript } from './coalescing/script.js';
import type { SentInput, TypingOrder } from './coalescing/typing-publisher.js';
import { machineLine, writeTable } from './harness/performance-page.js';
import { startRedis, startScript } from './harness/processes.js';
import { percentile, spread } from './harness/statistics.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    events: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '3' },
    /** Measures only one typing speed and two kinds of publish. */
    short: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const [seconds, events, rounds] = [values.seconds, values.events, values.rounds].map(Number) as [
  number,
  number,
  number,
];

type Coalescing = 'redis' | 'local';

/** Reads the stream as a gateway does, until `stop` is called. */
async function startReader(redisUrl: string) {
  const client = createClient({ url: redisUrl, RESP: 2 });
  // After a failed run, Redis ends before this client. The connection's error would then hide the original one.
  client.on('error', () => undefined);
  await client.connect();
  const arrived: ArrivedEntry[] = [];
  const stopping = new AbortController();
  const reading = (async (): Promise<void> => {
    for (let cursor = '0'; !stopping.signal.aborted; ) {
      const reply = await client.sendCommand<[string, [string, string[]][]][] | null>([
        'XREAD',
        'COUNT',
        '200',
        'BLOCK',
        '200',
        'STREAMS',
        'events:chat',
        cursor,
      ]);
      const atMs = performance.timeOrigin + performance.now();
      for (const [id, flat] of reply?.[0]?.[1] ?? []) {
        cursor = id;
        const field = (name: string): string => flat[flat.indexOf(name) + 1] ?? '';
        const { coalesced_count: count = 1 } = JSON.parse(field('metadata')) as { coalesced_count?: number };
        arrived.push({ eventId: field('event_id'), count, atMs });
      }
    }
  })();
  reading.catch(() => undefined); // `stop` reports the error.
  return {
    arrived,
    async stop(): Promise<void> {
      stopping.abort();
      await reading;
      client.destroy();
    },
  };
}

async function typing(gap: KeyGap, coalescing: Coalescing): Promise<Judgement> {
  const { part, url } = await startRedis();
  await using redis = part;
  const script = typingScript(seconds, gap);
  const publishers = Array.from({ length: CAST.publishers }, () =>
    startScript('./coalescing/typing-publisher.js', [url, coalescing]),
  );
  await Promise.all(publishers.map((one) => one.message()));
  const reader = await startReader(url);
  const startAtMs = Date.now() + 500;
  const reports = publishers.map(async (one, publisher) => {
    const actions = script.filter((action) => action.publisher === publisher);
    one.child.send({ startAtMs, actions } satisfies TypingOrder);
    const sent = await one.message<readonly SentInput[]>();
    await one.end();
    return sent;
  });
  const sent = (await Promise.all(reports)).flat();
  // Every publisher has flushed its windows, so the next read returns the last entries.
  await reader.stop();
  void redis;
  return judge(sent, reader.arrived);
}

async function cost(kind: string): Promise<Cost> {
  const { part, url } = await startRedis();
  await using redis = part;
  const script = startScript('./coalescing/cost.js', [url, kind, String(events)]);
  const result = await script.message<Cost>();
  await script.end();
  void redis;
  return result;
}

const gaps: readonly (readonly [string, KeyGap])[] = [
  ['30–90 ms (a key held down, or a fast hand)', { fromMs: 30, toMs: 90 }],
  ['50–150 ms', { fromMs: 50, toMs: 150 }],
  ['100–300 ms', { fromMs: 100, toMs: 300 }],
];
const variants: readonly (readonly [string, Coalescing])[] = [
  ['Redis, shared by the three', 'redis'],
  ['local, one in each', 'local'],
];

const typingRows: string[] = [];
for (const [keys, gap] of values.short ? gaps.slice(0, 1) : gaps) {
  for (const [where, coalescing] of variants) {
    const { inputs, entries, latenciesMs, behind } = await typing(gap, coalescing);
    const fewer = `${((1 - entries / inputs) * 100).toFixed(0)} %`;
    const late = [50, 99].map((p) => percentile(latenciesMs, p).toFixed(1)).join(' / ');
    typingRows.push(`| ${keys} | ${where} | ${inputs} | ${entries} | ${fewer} | ${late} | ${behind} |`);
  }
}

const allKinds: readonly (readonly [string, string])[] = [
  ['notification', 'plain publish: notification'],
  ['message-local', 'plain publish: chat message, `coalescing: local`'],
  ['message', 'chat message, `coalescing: redis`: asks for typing to end'],
  ['merged', 'typing in Redis, 10 rooms: many inputs in a window'],
  ['alone', 'typing in Redis, each input alone in its window'],
  ['merged-local', 'typing, `coalescing: local`, 10 rooms'],
  ['alone-local', 'typing, `coalescing: local`, each input alone in its window'],
];
const kinds = values.short ? allKinds.filter(([kind]) => ['notification', 'alone'].includes(kind)) : allKinds;
const costs = new Map<string, Cost[]>();
for (let round = 0; round < rounds; round++) {
  for (const [kind] of kinds) costs.set(kind, [...(costs.get(kind) ?? []), await cost(kind)]);
}
const costRows = kinds.map(([kind, text]) => {
  const all = costs.get(kind) ?? [];
  return `| ${text} | ${spread(all.map(({ redisUs }) => redisUs))} | ${spread(all.map(({ nodeUs }) => nodeUs))} |`;
});

const table = [
  `${CAST.users} users in ${CAST.rooms} rooms type for ${seconds} s, a start with every key and a stop at the end, each event through any of ${CAST.publishers} publisher processes. ` +
    'Latency: from the publish of each event to the arrival, at a reader of the stream, of the entry that stands for it; a window is 100 ms. ' +
    'Behind: entries that came after a later one of their user, before the gateways let no start through that is behind its stop.',
  '',
  '| a key every | windows | events in | entries out | fewer | latency p50 / p99, ms | behind |',
  '|---|---|---|---|---|---|---|',
  ...typingRows,
  '',
  `Cost of one input: ${events.toLocaleString('en')} of them, 64 in flight, from one process; Redis: time in scripts (\`INFO commandstats\`), Node: CPU time of the publisher's process, median [lowest–highest] of ${rounds} rounds.`,
  '',
  '| what | Redis, µs | Node, µs |',
  '|---|---|---|',
  ...costRows,
  '',
  `${machineLine()} Command: \`npm run bench -- coalescing --seconds ${seconds} --events ${events} --rounds ${rounds} --write\`.`,
].join('\n');
console.log(table);
if (values.write) writeTable('coalescing', table);
