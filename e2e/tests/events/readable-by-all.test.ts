// Every official client reads an accepted event's payload as `JSON.parse` does, however the event was published. Any other
// event is refused with the path of the wrong value. DOCUMENTS=100000 tests more documents, and SEED=… tests different ones.
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { createClient } from '@redis/client';
import { expect, test } from 'vitest';
import type { Reader, Reading } from '../../fixtures/clients/reader.js';
import { connectReaders, OfficialReader, officialKinds } from '../../fixtures/clients/readers.js';
import {
  type JsonDocument,
  mustBeRefused,
  type NastyKind,
  nastyDocument,
  nastyKinds,
  Random,
} from '../../fixtures/events/json-documents.js';
import {
  type SampleEvent,
  type SampleType,
  streamNames,
  streamOfType,
} from '../../fixtures/events/sample-events.js';
import { postEvents, refusal } from '../../fixtures/http/ingest.js';
import { type RedisSystem, startOnRedis } from '../../fixtures/systems/redis-system.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const documentCount = Number(process.env['DOCUMENTS'] ?? 400);
const seed = Number(process.env['SEED'] ?? 12);
/** Number of events that are published and compared together. A replay can contain this many events. */
const batchSize = 100;
const roomId = 'readable-by-all';

/** Types whose payloads the data model leaves open. They are not coalesced if the known fields are missing. */
const openTypes = [
  'notification',
  'assignment_change',
  'remote_session_start',
  'remote_session_end',
  'read_receipt',
] as const satisfies readonly SampleType[];

/** One document that is published in one way. */
interface Trial {
  readonly way: 'library' | 'HTTP' | 'XADD';
  readonly id: string;
  readonly type: SampleType;
  readonly payload: JsonDocument;
  readonly metadata: JsonDocument | undefined;
  readonly mustBeRefused: boolean;
}

/** The path in each refusal, by event ID. */
type Refusals = Map<string, string>;

test(
  `${documentCount} documents are read by all clients, or refused with the path of the wrong value`,
  async () => {
    await using system = await startOnRedis();
    await using readers = await connectReaders(system.url, roomId);
    await using connections = new Resources();
    const redis = await connectRedis(system.redis.url);
    connections.defer(() => redis.close());
    const random = new Random(seed);
    const counts = new Map<NastyKind, number>();
    const report = { accepted: 0, refused: 0, readings: 0 };
    for (let left = documentCount; left > 0; left -= batchSize) {
      const trials = createTrials(random, Math.min(left, batchSize), counts);
      const position = await positionBefore(system.url);
      const refusals = await publish(system, redis, random, trials);
      const accepted = assertRefusals(trials, refusals);
      report.accepted += accepted.length;
      report.refused += trials.length - accepted.length;
      report.readings += await assertReadings(readers.all, accepted);
      if (left <= batchSize) await assertReplay(system.url, position, accepted);
    }
    console.log(
      [
        `seed ${seed}: ${documentCount} documents, ${JSON.stringify(report)}`,
        readers.withoutDotnet === undefined ? '' : `Skipped the .NET clients: ${readers.withoutDotnet}.`,
        ...nastyKinds.map((kind) => `${String(counts.get(kind) ?? 0).padStart(7)} ${kind}`),
      ].join('\n'),
    );
    const least = Math.min(20, documentCount / 100);
    expect(nastyKinds.filter((kind) => (counts.get(kind) ?? 0) < least)).toEqual([]);
  },
  600_000 + documentCount * 100,
);

function createTrials(random: Random, count: number, counts: Map<NastyKind, number>): readonly Trial[] {
  return Array.from({ length: count }).flatMap(() => {
    const payload = nastyDocument(random);
    const metadata = random.isOneIn(4) ? nastyDocument(random) : undefined;
    const documents = metadata === undefined ? [payload] : [payload, metadata];
    for (const kind of new Set(documents.flatMap(({ kinds }) => [...kinds])))
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return (['library', 'HTTP', 'XADD'] as const).map((way) => ({
      way,
      id: randomUUID(),
      type: random.pick(openTypes),
      payload,
      metadata,
      mustBeRefused: documents.some((document) =>
        mustBeRefused(document, way === 'library' ? 'value' : 'text'),
      ),
    }));
  });
}

/** Returns the position of a client that has seen everything up to now. */
async function positionBefore(url: string): Promise<string> {
  await using client = await OfficialReader.connect(url, roomId, officialKinds[0]);
  return client.position;
}

const connectRedis = async (url: string) => createClient({ url }).connect();
type Redis = Awaited<ReturnType<typeof connectRedis>>;

async function publish(
  { url, publisher }: RedisSystem,
  redis: Redis,
  random: Random,
  trials: readonly Trial[],
): Promise<Refusals> {
  const on = (way: Trial['way']): readonly Trial[] => trials.filter((trial) => trial.way === way);
  const refusals: Refusals = new Map();
  await publishByLibrary(publisher, on('library'), refusals);
  // A list is refused as a whole if one of its events must be refused. Therefore such events are sent in a list of their own.
  // The refusal must name each of them.
  await postAll(
    url,
    random,
    on('HTTP').filter((trial) => !trial.mustBeRefused),
    refusals,
  );
  await postAll(
    url,
    random,
    on('HTTP').filter((trial) => trial.mustBeRefused),
    refusals,
  );
  await Promise.all(on('XADD').map((trial) => redis.xAdd(streamOfType[trial.type], '*', fieldsOf(trial))));
  await collectDeadLetters(redis, on('XADD').filter((trial) => trial.mustBeRefused).length, refusals);
  return refusals;
}

async function publishByLibrary(
  publisher: RedisSystem['publisher'],
  trials: readonly Trial[],
  refusals: Refusals,
): Promise<void> {
  const publishing = trials.map(async ({ id, type, payload, metadata }) => {
    const event = {
      event_id: id,
      event_type: type,
      timestamp: new Date().toISOString(),
      room_id: roomId,
      payload: JSON.parse(payload.text) as SampleEvent['payload'], // The cast is safe: documents are always objects.
      ...(metadata === undefined ? {} : { metadata: JSON.parse(metadata.text) as SampleEvent['payload'] }),
    };
    try {
      await publisher.publishEvents([event]);
    } catch (error) {
      const { issues } = error as { readonly issues?: readonly { readonly path: string }[] }; // The cast is safe: the error is a ContractError.
      refusals.set(id, issues?.[0]?.path ?? String(error));
    }
  });
  await Promise.all(publishing);
}

async function postAll(
  url: string,
  random: Random,
  trials: readonly Trial[],
  refusals: Refusals,
): Promise<void> {
  if (trials.length === 0) return;
  const body = `[${trials.map((trial) => bodyOf(random, trial)).join(' ,\n')}]`;
  const answer = await postEvents(url, body);
  if (answer.status === 201) return;
  for (const { index, path } of (await refusal(url, body)).errors ?? [])
    refusals.set(trials[index]?.id ?? '', path);
}

/** Returns an event as HTTP accepts it, with its fields in an unusual order and form. */
function bodyOf(random: Random, { id, type, payload, metadata }: Trial): string {
  const members = [
    `"event_id":"${id}"`,
    `"event_type" :"${type}"`,
    `"room_id":\t"${roomId}"`,
    ...(metadata === undefined ? [] : [`"metadata":${metadata.text}`]),
    `${random.pick(['"payload"', '"pay\\u006coad"'])}\r\n:\n${payload.text}`,
    '"x":{"payload":{"not":"this"}}',
  ].sort(() => random.below(3) - 1);
  const decoy = random.isOneIn(3) ? '"payload":{"of repeated names":"the last counts"},' : '';
  return ` {\n${decoy}${members.join(' ,')} } `;
}

function fieldsOf({ id, type, payload, metadata }: Trial): Record<string, string> {
  return {
    event_id: id,
    event_type: type,
    timestamp: new Date().toISOString(),
    room_id: roomId,
    payload: payload.text,
    ...(metadata === undefined ? {} : { metadata: metadata.text }),
  };
}

/** Waits for the expected number of dead letters, then takes all dead letters out of all streams. */
async function collectDeadLetters(redis: Redis, count: number, refusals: Refusals): Promise<void> {
  const keys = streamNames.map((stream) => `dead:{${stream}}`);
  const deadLetters = await eventually(async () => {
    const found = (await Promise.all(keys.map((key) => redis.xRange(key, '-', '+')))).flatMap(
      (some) => some ?? [],
    );
    if (found.length < count) throw new Error(`${found.length} of ${count} dead letters`);
    return found;
  });
  for (const deadLetter of deadLetters) {
    const { fields = '{}', reason = '' } = deadLetter?.message ?? {};
    const { event_id: id = '' } = JSON.parse(fields) as { readonly event_id?: string }; // The entry's own fields as JSON.
    refusals.set(id, /^\S+/.exec(reason)?.[0] ?? reason);
  }
  await redis.del(keys);
}

/** Checks the refusals and returns the accepted trials. */
function assertRefusals(trials: readonly Trial[], refusals: Refusals): readonly Trial[] {
  const isWrong = (trial: Trial): boolean => {
    const path = refusals.get(trial.id);
    return trial.mustBeRefused ? !/^\/(payload|metadata)(\/|$)/.test(path ?? '') : path !== undefined;
  };
  const wrong = trials.filter(isWrong);
  expect(wrong.map((trial) => ({ ...describeTrial(trial), refusedAt: refusals.get(trial.id) }))).toEqual([]);
  return trials.filter((trial) => !trial.mustBeRefused);
}

async function assertReadings(readers: readonly Reader[], trials: readonly Trial[]): Promise<number> {
  await eventually(() => {
    const missing = readers.flatMap(({ name, readings, breaks }) => {
      if (breaks.length > 0) return [`${name}: thrown out: ${breaks.join(', ')}`];
      const unread = trials.filter(({ id }) => !readings.has(id));
      return unread.length === 0 ? [] : [`${name}: ${unread.length} not read: ${JSON.stringify(unread[0])}`];
    });
    if (missing.length > 0) throw new Error(missing.join('\n'));
  });
  const wrong = readers.flatMap(({ name, readings }) =>
    trials.flatMap((trial) => {
      const fault = faultOf(trial, readings.get(trial.id) ?? {}, name);
      return fault === undefined ? [] : [{ reader: name, fault, ...describeTrial(trial) }];
    }),
  );
  expect(wrong).toEqual([]);
  const count = readers.reduce((sum, { readings }) => sum + readings.size, 0);
  for (const { readings } of readers) readings.clear();
  return count;
}

/** Checks that clients that resume receive the same values. */
async function assertReplay(url: string, position: string, trials: readonly Trial[]): Promise<void> {
  await using all = new Resources();
  const readers = officialKinds.map((kind) => OfficialReader.connect(url, roomId, kind, position));
  for (const reader of await Promise.all(readers)) all.use(reader);
  await assertReadings(await Promise.all(readers), trials);
}

/** Describes the fault if a client read an event wrongly. Returns `undefined` for a correct reading. */
function faultOf(trial: Trial, reading: Reading, reader: string): string | undefined {
  const { payload, metadata, way } = trial;
  const isValueOf = (document: JsonDocument | undefined, value: unknown): boolean =>
    isDeepStrictEqual(value, document === undefined ? undefined : expectedValue(document, way));
  if ('payload' in reading && !isValueOf(payload, reading.payload)) return 'another payload';
  if ('metadata' in reading && !isValueOf(metadata, reading.metadata)) return 'other metadata';
  if (way === 'library') return undefined;
  const { longIntegers, text } = reading;
  if (
    longIntegers !== undefined &&
    !isDeepStrictEqual([...longIntegers].sort(), [...payload.longIntegers].sort())
  )
    return `other integers: ${longIntegers.join(', ')}`;
  return text === undefined || isWritten(trial, text, reader) ? undefined : `another text: ${text}`;
}

/**
 * Tells whether a text is the text that was written. Server-sent events turn line ends between tokens into
 * blanks.
 */
function isWritten({ payload, metadata, way }: Trial, text: string, reader: string): boolean {
  if (!reader.startsWith('the text')) {
    const written = payload.text.trim();
    return text === (reader.includes('ServerSentEvents') ? written.replaceAll(/[\r\n]/g, ' ') : written);
  }
  // In an entry, white space around a value is a part of the field's text. Over HTTP, it is a part of the request body, and
  // not of the value.
  const written = [payload, metadata].map((document) =>
    way === 'HTTP' ? document?.text.trim() : document?.text,
  );
  const inMetadata = metadata === undefined ? '' : `,"metadata":${written[1]}`;
  return text.startsWith(`${written[0]}${inMetadata},"position":"`);
}

/** Returns the expected value. The library publishes the output of `JSON.stringify`, so -0 becomes 0. */
function expectedValue({ text }: JsonDocument, way: Trial['way']): unknown {
  const value: unknown = JSON.parse(text);
  return way === 'library' ? JSON.parse(JSON.stringify(value)) : value;
}

function describeTrial({ way, type, payload, metadata }: Trial): Readonly<Record<string, unknown>> {
  const kinds = [...payload.kinds, ...(metadata?.kinds ?? [])];
  return { way, type, kinds, payload: payload.text.slice(0, 500), metadata: metadata?.text.slice(0, 500) };
}
