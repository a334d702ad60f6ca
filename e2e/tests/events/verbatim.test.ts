// The text that a producer writes by HTTP or XADD reaches the stream and JSON clients unchanged, to the last
// digit.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { TextReader } from '../../fixtures/clients/readers.js';
import { type SampleType, streamOfType } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { xadd } from '../../fixtures/redis/plain-redis.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const system = sharedSystem(() => startOnRedis());

/** Returns, as JSON text, the members of an event that come before its payload. */
function envelope(roomId: string, id: string, type: SampleType, timestamp: string): string {
  return `"event_id":"${id}","event_type":"${type}","timestamp":"${timestamp}","room_id":"${roomId}"`;
}

/** Returns the fields of the newest entry of this event in the stream of its type. */
async function entryOf(id: string, type: SampleType): Promise<Readonly<Record<string, string>>> {
  return eventually(async () => {
    const reply = await system().redis.cli('--json', 'XREVRANGE', streamOfType[type], '+', '-');
    const entries = JSON.parse(reply) as readonly (readonly [string, readonly string[]])[];
    const found = entries
      .map(([, list]) => Object.fromEntries(pairs(list)))
      .find((entry) => entry['event_id'] === id);
    if (found === undefined) throw new Error(`no entry of ${id}`);
    return found;
  });
}

function pairs(list: readonly string[]): (readonly [string, string])[] {
  return list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1] ?? ''] as const] : []));
}

/** Returns the text behind `"payload":` as the socket delivered it. */
async function textOf(reader: TextReader, id: string): Promise<string> {
  return eventually(() => {
    const text = reader.readings.get(id)?.text;
    if (text === undefined) throw new Error(`${id} was not delivered`);
    return text;
  });
}

const payloads = [
  '{"n":9007199254740993}',
  '{"n":1e400,"m":-1e400}',
  '{"n":1.10,"m":1.0,"k":1E2,"z":-0}',
  '{"n":12345678901234567890}',
  '{ "a" :\t[ 1 ,\r\n2 ] ,\r"b":"\\u00e9\\/\u2028" }',
  '{"a":1,"":{},"a":{"\\u0061":2}}',
  '{}',
];
const metadata = '{"trace_id": "t", "span":9223372036854775807}';
const timestamp = '2026-11-28 14:50:00,5+01';

describe.each(['HTTP', 'a list by HTTP', 'XADD'])('by %s', (way) => {
  test.each(payloads)('the payload %s is stored and delivered as it was written', async (payload) => {
    const roomId = randomUUID();
    const id = randomUUID();
    await using reader = await TextReader.connect(system().url, roomId);
    if (way === 'XADD') {
      const fields = {
        event_id: id,
        event_type: 'notification',
        timestamp,
        room_id: roomId,
        payload,
        metadata,
      };
      await xadd(system().redis, 'events:notification', fields);
    } else {
      const event = `{"payload":0,${envelope(roomId, id, 'notification', timestamp)},"metadata":${metadata} ,"pay\\u006coad" :\n${payload} }`;
      const other = `{${envelope(roomId, randomUUID(), 'notification', timestamp)},"payload":{"x":"],"}}`;
      await acceptEvents(system().url, way === 'HTTP' ? event : `[ ${other},\n${event} ,${other} ]`);
    }
    expect(await entryOf(id, 'notification')).toMatchObject({ timestamp, payload, metadata });
    const delivered = await textOf(reader, id);
    expect(delivered.slice(0, delivered.indexOf(',"position":'))).toBe(`${payload},"metadata":${metadata}`);
  });
});

describe('after a coalescing window', () => {
  const user = randomUUID();
  const extra = '"n" :9007199254740993, "m":[1.10,1e400]';
  const receipt = (more: string): string => `{"user_id":"${user}","message_ids":["${randomUUID()}"],${more}}`;

  test.each([
    ['typing_start', `{"user_id":"${user}","username":"Ana","is_typing":true,\r${extra}}`],
    ['read_receipt', receipt(extra)],
  ] as const)(
    'a %s that was alone in its coalescing window is stored and delivered as it was written',
    async (type, payload) => {
      const roomId = randomUUID();
      const id = randomUUID();
      await using reader = await TextReader.connect(system().url, roomId);
      await acceptEvents(
        system().url,
        `{${envelope(roomId, id, type, timestamp)},"payload":${payload},"metadata":${metadata}}`,
      );
      const counted = `${metadata.slice(0, -1)},"coalesced_count":1}`;
      expect(await entryOf(id, type)).toMatchObject({ timestamp, payload, metadata: counted });
      const delivered = await textOf(reader, id);
      expect(delivered.slice(0, delivered.indexOf(',"position":'))).toBe(`${payload},"metadata":${counted}`);
    },
  );

  test('the payload of coalesced receipts is serialized again', async () => {
    const roomId = randomUUID();
    const id = randomUUID();
    const event = (eventId: string): string =>
      `{${envelope(roomId, eventId, 'read_receipt', timestamp)},"payload":${receipt('"n":1.0')}}`;
    await acceptEvents(system().url, `[${event(randomUUID())},${event(id)}]`);
    const { payload = '{}', metadata: counted } = await entryOf(id, 'read_receipt');
    expect(JSON.parse(payload)).toMatchObject({ user_id: user, message_ids: { length: 2 }, n: 1 });
    expect(payload).not.toContain('1.0');
    expect(counted).toBe('{"coalesced_count":2}');
  });
});

async function post(body: Buffer): Promise<{ readonly status: number; readonly body: unknown }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${system().url}/v1/events`, {
    method: 'POST',
    headers,
    body: new Uint8Array(body),
  });
  return { status: response.status, body: await response.json() };
}

test('a body with a byte order mark is accepted', async () => {
  const id = randomUUID();
  const event = `\ufeff{${envelope(randomUUID(), id, 'notification', timestamp)},"payload":{"n":1.0}}`;
  expect(await post(Buffer.from(event))).toMatchObject({ status: 201 });
  expect(await entryOf(id, 'notification')).toMatchObject({ payload: '{"n":1.0}' });
});

test('a body that is not UTF-8 is refused instead of repaired silently', async () => {
  const event = `{${envelope(randomUUID(), randomUUID(), 'notification', timestamp)},"payload":{"n":"é"}}`;
  expect(await post(Buffer.from(event, 'latin1'))).toMatchObject({
    status: 400,
    body: { code: 'invalid_json', detail: expect.stringContaining('UTF-8') as unknown },
  });
});

/** Matches a list of issues if one of them names the path. */
function issuesAt(path: string): unknown {
  return expect.arrayContaining([expect.objectContaining({ path })]);
}

test.each([
  ['chat_message', '{"messageId":"1","requestId":"2","content":"hello","sequenceNumber":1}', '/payload/id'],
  ['typing_start', '{"userId":"ana","userName":"Ana","isTyping":true}', '/payload/user_id'],
  ['status_change', '{"requestId":"2","oldStatus":"a","newStatus":"b"}', '/payload/request_id'],
] as const)(
  'a %s with field names in camel case is refused, however it is published',
  async (type, payload, path) => {
    const roomId = randomUUID();
    const [posted, added] = [randomUUID(), randomUUID()];
    const body = `{${envelope(roomId, posted, type, timestamp)},"payload":${payload}}`;
    expect(await post(Buffer.from(body))).toMatchObject({ status: 422, body: { errors: issuesAt(path) } });
    await expect(
      system().publisher.publishEvents([
        {
          event_id: randomUUID(),
          event_type: type,
          timestamp,
          room_id: roomId,
          payload: JSON.parse(payload) as Readonly<Record<string, unknown>>, // The cast is safe: the payload is an object.
        },
      ]),
    ).rejects.toMatchObject({ issues: issuesAt(path) });
    const fields = { event_id: added, event_type: type, timestamp, room_id: roomId, payload };
    await xadd(system().redis, streamOfType[type], fields);
    await eventually(async () => {
      const deadLetters = await system().redis.cli('XRANGE', `dead:{${streamOfType[type]}}`, '-', '+');
      expect(deadLetters).toContain(added);
      expect(deadLetters).toContain(path);
    });
  },
);

/** Payloads as programs in other languages write them. The data model leaves their form open. */
const producers: readonly (readonly [string, SampleType, string])[] = [
  [
    "Python's json.dumps",
    'notification',
    '{"message": "Ticket updated", "ids": [1, 2], "ratio": 1.0, "none": null}',
  ],
  [
    "Python's json.dumps with indent",
    'assignment_change',
    '{\n    "request_id": "1",\n    "updatedFields": [\n        "technician"\n    ]\n}',
  ],
  ["Python's floats", 'notification', '{"at": 1.7640554e+18, "tiny": 5e-324}'],
  ["Go's encoding/json", 'remote_session_start', '{"sessionId":"a\\u0026b","nanos":1764341400123456789}'],
  ["Java's Jackson", 'remote_session_end', '{"agent":null,"durationMs":9223372036854775807,"amount":1E+2}'],
  [
    ".NET's System.Text.Json",
    'read_receipt',
    '{"UserId":"7e0c","Name":"Zo\\u00EB \\uD83D\\uDC69","MessageIds":[]}',
  ],
  ["PHP's json_encode", 'notification', '{"url":"https:\\/\\/example.com","list":{}}'],
  [
    "Ruby's to_json",
    'notification',
    '{"when":"2026-11-28 14:50:00 +0100","big":123456789012345678901234567890}',
  ],
];

test.each(producers)(
  'a payload in the form of %s is delivered, however it is published',
  async (_producer, type, payload) => {
    const roomId = randomUUID();
    const [posted, added, published] = [randomUUID(), randomUUID(), randomUUID()];
    await using reader = await TextReader.connect(system().url, roomId);
    expect(
      await post(Buffer.from(`{${envelope(roomId, posted, type, timestamp)},"payload":${payload}}`)),
    ).toMatchObject({ status: 201 });
    await xadd(system().redis, streamOfType[type], {
      event_id: added,
      event_type: type,
      timestamp,
      room_id: roomId,
      payload,
    });
    const value = JSON.parse(payload) as Readonly<Record<string, unknown>>; // The cast is safe: the payload is an object.
    await system().publisher.publishEvents([
      { event_id: published, event_type: type, timestamp, room_id: roomId, payload: value },
    ]);
    for (const id of [posted, added]) expect(await textOf(reader, id)).toMatch(`${payload},"position":`);
    expect(await textOf(reader, published)).toMatch(`${JSON.stringify(value)},"position":`);
  },
);
