// Measures the memory of each stream at its configured length, and compares it with the estimate of the data model.
//
//   npm run bench -- stream-memory [--write]
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { type EventOf, eventCatalog } from '@millrace/contract';
import { createClient } from '@redis/client';
import { machineLine, writeTable } from './harness/performance-page.js';
import { startRedis } from './harness/processes.js';
import { chatPayload } from './traffic/chat-payload.js';
import { contentOf } from './traffic/mark.js';

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });

type BuiltInEvent = EventOf<typeof eventCatalog>;

// The estimates of the data model, in bytes.
const estimates: Readonly<Record<string, number>> = {
  'events:chat': 5_000_000,
  'events:ticket': 2_000_000,
  'events:notification': 2_000_000,
  'events:remote': 500_000,
};

function envelope() {
  return {
    event_id: randomUUID(),
    timestamp: new Date().toISOString(),
    room_id: randomUUID(),
    metadata: { source_instance: 'api-1' },
  };
}

/** For each stream, a function that creates a typical event: one of the type that is most frequent in production. */
const typical: Readonly<Record<string, () => BuiltInEvent>> = {
  'events:chat': () => ({
    ...envelope(),
    event_type: 'chat_message',
    payload: chatPayload(contentOf(1, 1), 1),
  }),
  'events:ticket': () => ({
    ...envelope(),
    event_type: 'status_change',
    payload: {
      request_id: randomUUID(),
      old_status: 'open',
      new_status: 'in_progress',
      changed_by: 'maria.garcia',
      changed_at: new Date().toISOString(),
    },
  }),
  'events:notification': () => ({
    ...envelope(),
    event_type: 'notification',
    payload: {
      type: 'ticket',
      title: 'A ticket was assigned to you',
      body: 'VPN does not connect',
      action_url: '/tickets/42',
    },
  }),
  'events:remote': () => ({
    ...envelope(),
    event_type: 'remote_session_start',
    payload: {
      session_id: randomUUID(),
      agent_id: randomUUID(),
      requester_id: randomUUID(),
      mode: 'control',
    },
  }),
};

const kilobytes = (bytes: number): string => `${Math.round(bytes / 1_000).toLocaleString('en')} kB`;

const { part, url } = await startRedis();
await using _redis = part;
const redis = createClient({ url });
await redis.connect();
const rows: string[] = [];
for (const { name, maxLength } of eventCatalog.streams) {
  const create = typical[name];
  const estimate = estimates[name];
  if (create === undefined || estimate === undefined) throw new Error(`no typical event for ${name}`);
  for (let sent = 0; sent < maxLength; sent += 1_000) {
    const batch = Array.from({ length: Math.min(1_000, maxLength - sent) }, () =>
      redis.xAdd(name, '*', eventCatalog.encodeEntry(create())),
    );
    await Promise.all(batch);
  }
  const used = (await redis.sendCommand(['MEMORY', 'USAGE', name, 'SAMPLES', '0'])) as unknown as number;
  rows.push(
    `| \`${name}\` | ${maxLength.toLocaleString('en')} | ${kilobytes(used)} | ${Math.round(used / maxLength)} B ` +
      `| ~${kilobytes(estimate)} | ${(used / estimate).toFixed(2)} |`,
  );
}
await redis.close();

const table = [
  '| stream | entries | memory | per entry | estimate | ratio |',
  '|---|---|---|---|---|---|',
  ...rows,
  '',
  `${machineLine()} Command: \`npm run bench -- stream-memory --write\`.`,
].join('\n');
console.log(table);
if (values.write) writeTable('stream-memory', table);
