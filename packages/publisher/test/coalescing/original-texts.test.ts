// An event keeps its original texts while it waits in a window, until it is merged with another event.
import { type EventOf, eventCatalog, type ReceivedEvent } from '@millrace/contract';
import { expect, test } from 'vitest';
import { OriginalTexts } from '../../src/coalescing/original-texts.js';
import { setUp } from '../set-up.js';

const payload =
  '{"user_id":"0190e6f2-7d3c-4c53-8f34-0a6f2f9d2a11","username":"Ana" ,"is_typing":true,"n":1.10}';

function received(metadata?: string): ReceivedEvent<EventOf<typeof eventCatalog>> {
  const text = `{"event_id":"4bf92f35-77b3-4da6-a3ce-929d0e0e4736","event_type":"typing_start","timestamp":"2026-11-28 14:50","room_id":"\\"},{","payload":${payload}${metadata === undefined ? '' : `,"metadata":${metadata}`}}`;
  const parsed = eventCatalog.parseWritten(JSON.parse(text), text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.value;
}

test.each([
  [undefined, '{"coalesced_count":3}'],
  ['{ }', '{ "coalesced_count":3}'],
  ['{"n":9007199254740993 }\r', '{"n":9007199254740993 ,"coalesced_count":3}'],
  ['{"coalesced_count":3, "n":1.0}', '{"coalesced_count":3, "n":1.0}'],
  ['{"coalesced_count":2,"n":1.0}', '{"coalesced_count":3,"n":1}'],
  ['{"coalesced_count":null}', '{"coalesced_count":3}'],
])('the metadata text %s becomes %s when the event is published with the count 3', (metadata, counted) => {
  const originalTexts = new OriginalTexts();
  const one = received(metadata);
  originalTexts.keep(one);
  const merged = { ...one.event, metadata: { ...one.event.metadata, coalesced_count: 3 } };
  expect(originalTexts.textsOf(merged)).toEqual({
    timestampText: '2026-11-28 14:50',
    payloadText: payload,
    metadataText: counted,
  });
});

test.each(['local', 'redis'] as const)(
  'a single event in a %s window is stored with its original texts and its count in the metadata',
  async (coalescing) => {
    await using stage = await setUp({ coalescing });
    await stage.publisher.publishWritten([received('{"n":1.0}')]);
    await stage.publisher.flush();
    expect(await stage.entries('events:chat')).toMatchObject([
      { timestamp: '2026-11-28 14:50', payload, metadata: '{"n":1.0,"coalesced_count":1}' },
    ]);
  },
);

test('an event that is written as text for a window is read back unchanged', () => {
  for (const one of [received(), received('{"n":9007199254740993}')]) {
    const originalTexts = new OriginalTexts();
    originalTexts.keep(one);
    const text = originalTexts.textOf(one.event);
    expect(eventCatalog.parseWritten(JSON.parse(text), text)).toEqual({ ok: true, value: one });
  }
});

test('a payload that was merged from several events is serialised again', () => {
  const originalTexts = new OriginalTexts();
  const one = received('{"n":1.0}');
  originalTexts.keep(one);
  const merged = { ...one.event, payload: { a: Number.POSITIVE_INFINITY }, metadata: { coalesced_count: 2 } };
  expect(originalTexts.textsOf(merged)).toEqual({
    payloadText: '{"a":null}',
    metadataText: '{"coalesced_count":2}',
  });
});
