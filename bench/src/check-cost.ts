// Measures the CPU time that the check of one event takes, with the contract and with a JSON Schema validator that also checks
// formats. The two validators take turns.
//
//   npm run bench -- check-cost [--write]
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createJsonSchemas, eventCatalog } from '@millrace/contract';
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { machineLine, writeTable } from './harness/performance-page.js';
import { spread } from './harness/statistics.js';
import { chatPayload } from './traffic/chat-payload.js';
import { contentOf } from './traffic/mark.js';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, write: { type: 'boolean', default: false } },
});
const rounds = Number(values.rounds);
const eventCount = 2_000;

/** Returns new events, each with new IDs. The CPU would learn to predict the branches of the check for repeated IDs. */
function freshEvents() {
  return Array.from({ length: eventCount }, (_, index) => ({
    event_id: randomUUID(),
    event_type: 'chat_message' as const,
    timestamp: new Date(Date.now() - index).toISOString(),
    room_id: randomUUID(),
    payload: chatPayload(contentOf(index, index), index + 1),
  }));
}

const schemas = createJsonSchemas(eventCatalog);
const ajv = new Ajv2020({ schemas: Object.values(schemas.payloads), strict: false });
// The cast is needed: the default export is the plugin itself, but its types say otherwise under NodeNext.
(ajvFormats as unknown as (instance: Ajv2020) => void)(ajv);
const validate = ajv.compile(schemas.event);

const contenders: Readonly<Record<string, (event: unknown) => boolean>> = {
  '`catalog.parseEvent`': (event) => eventCatalog.parseEvent(event).ok,
  'ajv 8, the same schema and formats': (event) => validate(event),
};

/** Returns the average nanoseconds that `check` takes for one event. `JSON.parse` creates the events, as in the gateway. */
function timeOf(check: (event: unknown) => boolean): number {
  const events = freshEvents().map((event) => JSON.parse(JSON.stringify(event)) as unknown);
  const start = process.hrtime.bigint();
  let accepted = 0;
  for (const event of events) if (check(event)) accepted += 1;
  const elapsedNs = Number(process.hrtime.bigint() - start);
  if (accepted !== eventCount) throw new Error('a valid event was refused');
  return elapsedNs / eventCount;
}

function timeOfEntries(): { readonly parseEntry: number; readonly jsonParse: number } {
  const entries = freshEvents().map((event) => eventCatalog.encodeEntry(event));
  let start = process.hrtime.bigint();
  for (const { payload } of entries) JSON.parse(payload ?? '');
  const jsonParse = Number(process.hrtime.bigint() - start) / eventCount;
  const others = freshEvents().map((event) => eventCatalog.encodeEntry(event));
  start = process.hrtime.bigint();
  for (const fields of others) eventCatalog.parseEntry(fields);
  return { parseEntry: Number(process.hrtime.bigint() - start) / eventCount, jsonParse };
}

const results = new Map<string, number[]>();
const note = (name: string, ns: number): void => {
  results.set(name, [...(results.get(name) ?? []), ns / 1_000]);
};
for (let round = -5; round < rounds; round += 1) {
  for (const [name, check] of Object.entries(contenders)) {
    const ns = timeOf(check);
    if (round >= 0) note(name, ns);
  }
  const { parseEntry, jsonParse } = timeOfEntries();
  if (round < 0) continue;
  note('`catalog.parseEntry` (with `JSON.parse`)', parseEntry);
  note('`JSON.parse` of the payload alone', jsonParse);
}

const table = [
  `One chat message of about 450 bytes, ${rounds} rounds of ${eventCount.toLocaleString('en')} fresh events, median [lowest–highest] in microseconds.`,
  '',
  '| what | µs per event |',
  '|---|---|',
  ...Array.from(results, ([name, times]) => `| ${name} | ${spread(times)} |`),
  '',
  `${machineLine()} Command: \`npm run bench -- check-cost --write\`.`,
].join('\n');
console.log(table);
if (values.write) writeTable('check-cost', table);
