/*
 * The MessagePack hub protocol: a table of wire bytes and messages, a comparison with the official client's library, and
 * property tests with random bytes and random chunks.
 */
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonText, SignalRError } from '../../src/index.js';
import { type HubMessage, MessageType } from '../../src/protocol/hub-message.js';
import { stringifyJson } from '../../src/protocol/json-values.js';
import { writeLengthPrefix } from '../../src/protocol/length-prefix-reader.js';
import { PreciseDate } from '../../src/protocol/message-pack-extension.js';
import { messagePackHubProtocol } from '../../src/protocol/message-pack-hub-protocol.js';

function parseAll(chunks: readonly Buffer[], maximumBytes = 1_000_000): HubMessage[] {
  const parser = messagePackHubProtocol.createParser(maximumBytes);
  const messages: HubMessage[] = [];
  for (const chunk of chunks) {
    parser.push(chunk);
    for (let message = parser.next(); message !== undefined; message = parser.next()) messages.push(message);
  }
  return messages;
}

/** Returns a message's bytes: its length prefix and its body, which is given in hexadecimal. */
function framed(hex: string): Buffer {
  const body = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return Buffer.concat([writeLengthPrefix(body.length), body]);
}

/** Any JSON value without the key `__proto__`. The official library refuses to read that key, and it has a test of its own. */
const value = fc
  .json()
  .filter((text) => !text.includes('__proto__'))
  .map((text) => JSON.parse(text) as unknown);

const malformed = expect.objectContaining({ code: 'malformed_message' });

const bothWays: readonly [string, HubMessage][] = [
  ['96 01 80 c0 a1 74 90 90', { type: 1, target: 't', arguments: [] }],
  [
    '96 01 81 a1 61 a1 62 a1 31 a1 74 93 01 a1 78 c0 91 a1 32',
    {
      type: 1,
      headers: { a: 'b' },
      invocationId: '1',
      target: 't',
      arguments: [1, 'x', null],
      streamIds: ['2'],
    },
  ],
  ['94 02 80 a1 31 c0', { type: 2, invocationId: '1', item: null }],
  ['94 02 80 a1 31 2a', { type: 2, invocationId: '1', item: 42 }],
  ['95 03 80 a1 31 01 a1 65', { type: 3, invocationId: '1', outcome: { kind: 'error', error: 'e' } }],
  ['94 03 80 a1 31 02', { type: 3, invocationId: '1', outcome: { kind: 'void' } }],
  ['95 03 80 a1 31 03 c0', { type: 3, invocationId: '1', outcome: { kind: 'result', result: null } }],
  ['96 04 80 a1 31 a1 74 91 c3 90', { type: 4, invocationId: '1', target: 't', arguments: [true] }],
  ['93 05 80 a1 31', { type: 5, invocationId: '1' }],
  ['91 06', { type: 6 }],
  ['93 07 c0 c2', { type: 7 }],
  ['93 07 a1 65 c3', { type: 7, error: 'e', allowReconnect: true }],
  ['92 08 05', { type: 8, sequenceId: 5 }],
  ['92 09 cf 00 1f ff ff ff ff ff ff', { type: 9, sequenceId: 9007199254740991 }],
];

describe('messages and wire bytes', () => {
  test.each(bothWays)(
    'the MessagePack bytes %s are read as a message, and written again as the same bytes',
    (hex, message) => {
      expect(parseAll([framed(hex)])).toEqual([message]);
      expect(messagePackHubProtocol.write(message).toString('hex')).toBe(framed(hex).toString('hex'));
    },
  );

  test('a ping has exactly three bytes', () => {
    expect([...messagePackHubProtocol.write({ type: 6 })]).toEqual([0x02, 0x91, 0x06]);
  });

  test.each<[string, string, HubMessage[]]>([
    [
      'an invocation of an older client, without stream ids',
      '95 01 80 c0 a1 74 90',
      [{ type: 1, target: 't', arguments: [] }],
    ],
    [
      'an empty invocation id as a missing id',
      '96 01 80 a0 a1 74 90 90',
      [{ type: 1, target: 't', arguments: [] }],
    ],
    ['a Close message without allowReconnect', '92 07 c0', [{ type: 7 }]],
    ['a message with additional items', '93 06 01 02', [{ type: 6 }]],
    ['a message of an unknown type by skipping it', '91 63', []],
    ['an integer of any width', '92 08 d3 00 00 00 00 00 00 00 05', [{ type: 8, sequenceId: 5 }]],
  ])('the MessagePack protocol reads %s', (_title, hex, messages) => {
    expect(parseAll([framed(hex)])).toEqual(messages);
  });

  test.each([
    ['an empty message', ''],
    ['a value that is not an array', 'c0'],
    ['a type that is not a number', '91 a1 36'],
    ['headers that are not a map', '96 01 c0 c0 a1 74 90 90'],
    ['a header whose value is not a string', '96 01 81 a1 61 01 c0 a1 74 90 90'],
    ['a header whose value is empty', '96 01 81 a1 61 a0 c0 a1 74 90 90'],
    ['an invocation without a target', '96 01 80 c0 c0 90 90'],
    ['a numeric invocation id', '96 01 80 01 a1 74 90 90'],
    ['arguments that are not an array', '96 01 80 c0 a1 74 c0 90'],
    ['a stream invocation without an id', '96 04 80 c0 a1 74 90 90'],
    ['a completion of an unknown kind', '94 03 80 a1 31 04'],
    ['an item without an id', '94 02 80 a0 c0'],
    ['a message that ends too early', '96 01 80 c0 a1 74'],
    ['more elements than there are bytes', '96 01 80 c0 a1 74 dd ff ff ff ff'],
    ['an unused head byte', '94 02 80 a1 31 c1'],
    ['text that is not UTF-8', '94 02 80 a1 31 a1 ff'],
    ['a timestamp of an unknown length', '94 02 80 a1 31 d4 ff 00'],
    ['a map with a map as its key', '94 02 80 a1 31 81 80 01'],
    ['a sequence id beyond every counter', '92 09 cf ff ff ff ff ff ff ff ff'],
  ])('the bytes of %s are refused as malformed', (_title, hex) => {
    expect(() => parseAll([framed(hex)])).toThrow(malformed);
  });

  test('values that are nested too deep are refused', () => {
    const body = Buffer.concat([Buffer.from('940280a131', 'hex'), Buffer.alloc(20_000, 0x91)]);
    expect(() => parseAll([framed(body.toString('hex'))])).toThrow(malformed);
  });

  test('a length prefix that is too large or longer than five bytes is refused', () => {
    expect(() => parseAll([Buffer.from('ffffffff0f', 'hex')])).toThrow(malformed);
    expect(() => parseAll([Buffer.from('ffffffffff01', 'hex')])).toThrow(malformed);
  });
});

describe('size limit', () => {
  test('a message’s length prefix counts towards the size limit', () => {
    const message = messagePackHubProtocol.write({ type: 2, invocationId: '1', item: 'y'.repeat(200) });
    expect(parseAll([message], message.length)).toHaveLength(1);
    expect(() => parseAll([message], message.length - 1)).toThrow(
      expect.objectContaining({ code: 'message_too_big' }),
    );
  });

  test('a message over the size limit is refused as soon as its length prefix is read', () => {
    expect(() => parseAll([writeLengthPrefix(100_000_000)], 32_768)).toThrow(
      expect.objectContaining({ code: 'message_too_big' }),
    );
  });
});

/** Writes a value as a hub does, and reads it back as the server does. */
function roundTrip(item: unknown): unknown {
  const bytes = messagePackHubProtocol.write({ type: MessageType.streamItem, invocationId: '1', item });
  const [message] = parseAll([bytes]);
  return message?.type === MessageType.streamItem ? message.item : undefined;
}

function decodedByClient(item: unknown): unknown {
  const bytes = messagePackHubProtocol.write({ type: MessageType.streamItem, invocationId: '1', item });
  let start = 0;
  while ((bytes[start] ?? 0) >= 0x80) start += 1;
  return (decode(new Uint8Array(bytes.subarray(start + 1))) as unknown[])[3];
}

describe('values', () => {
  test.each([
    0, 1, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, 9_007_199_254_740_991, -1, -32,
    -33, -128, -129, -32_768, -32_769, -2_147_483_648, -2_147_483_649, -9_007_199_254_740_991, 1.5, -0.1,
    1e300,
  ])('the number %d is written so that the server and the official library read it unchanged', (value) => {
    expect(roundTrip(value)).toBe(value);
    expect(decodedByClient(value)).toBe(value);
  });

  test.each([0, 31, 32, 255, 256, 65_535, 65_536])(
    'the server and the official library read a string, an array and bytes of length %d unchanged',
    (length) => {
      const text = 'ä'.repeat(length);
      const array = Array.from({ length }, () => 7);
      const bytes = new Uint8Array(length).fill(9);
      expect(roundTrip(text)).toBe(text);
      expect(roundTrip(array)).toEqual(array);
      expect(roundTrip(bytes)).toEqual(bytes);
      expect(decodedByClient(text)).toBe(text);
      expect(decodedByClient(array)).toEqual(array);
      expect(decodedByClient(bytes)).toEqual(bytes);
    },
  );

  test.each([
    '1970-01-01T00:00:00.000Z',
    '2026-01-16T10:20:30.123Z',
    '2500-06-01T00:00:00.001Z',
    '1900-01-01T00:00:00.500Z',
    '2600-01-01T00:00:00.000Z',
  ])('the date %s is written as a timestamp', (text) => {
    const date = new Date(text);
    expect(roundTrip(date)).toEqual(date);
    expect(decodedByClient(date)).toEqual(date);
  });

  test.each([
    [1, '1970-01-01T00:00:00.000000001Z'],
    [123_400, '1970-01-01T00:00:00.0001234Z'],
    [999_999, '1970-01-01T00:00:00.000999999Z'],
  ])('a timestamp with %i ns beyond its millisecond is written as it was read', (nanoseconds, json) => {
    for (const timeMs of [
      0,
      Date.parse('2026-01-16T10:20:30.123Z'),
      Date.parse('1900-01-01T00:00:00.500Z'),
    ]) {
      const read = roundTrip(new PreciseDate(timeMs, nanoseconds));
      expect(read).toBeInstanceOf(Date);
      expect(read).toMatchObject({ nanoseconds });
      expect((read as Date).getTime()).toBe(timeMs);
      expect(roundTrip(read)).toEqual(read);
    }
    expect(stringifyJson(new PreciseDate(0, nanoseconds))).toBe(`"${json}"`);
  });

  test('integers beyond 2^53 are read as bigints', () => {
    expect(roundTrip(2n ** 63n)).toBe(2n ** 63n);
    expect(roundTrip(-(2n ** 63n))).toBe(-(2n ** 63n));
    expect(roundTrip(5n)).toBe(5);
    expect(() => roundTrip(2n ** 64n)).toThrow(expect.objectContaining({ code: 'unserializable' }));
  });

  test('a value that JSON leaves out is left out, and a value that JSON writes as null is written as nil', () => {
    expect(roundTrip(undefined)).toBeNull();
    expect(roundTrip(() => 1)).toBeNull();
    expect(roundTrip({ a: undefined, b: 1, c: () => 1 })).toEqual({ b: 1 });
    expect(roundTrip([undefined])).toEqual([null]);
    expect(roundTrip({ toJSON: () => 'x' })).toBe('x');
    expect(roundTrip(new Date(Number.NaN))).toBeNull();
    expect(roundTrip(new Map([['k', 1]]))).toEqual({ k: 1 });
  });

  test('JSON text is written as its value', () => {
    expect(roundTrip(new JsonText('{"n":[1.5]}'))).toEqual({ n: [1.5] });
  });

  test('a value that contains itself cannot be written', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(() => roundTrip(circle)).toThrow(expect.objectContaining({ code: 'unserializable' }));
  });

  test('the key __proto__ is read as an ordinary property', () => {
    const item = roundTrip(new Map([['__proto__', { polluted: true }]])) as object;
    expect(Object.hasOwn(item, '__proto__')).toBe(true);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('the bytes of a read value do not share memory with the received message', () => {
    const chunk = Buffer.from(
      messagePackHubProtocol.write({ type: 2, invocationId: '1', item: Buffer.from('abc') }),
    );
    const [message] = parseAll([chunk]);
    chunk.fill(0);
    expect(message?.type === 2 && message.item).toEqual(new Uint8Array([97, 98, 99]));
  });

  test('every value that the official library writes is read', () => {
    fc.assert(
      fc.property(value, (value) => {
        const body = Buffer.from(encode([2, {}, '1', value]));
        const [message] = parseAll([Buffer.concat([writeLengthPrefix(body.length), body])]);
        expect(message).toEqual({ type: 2, invocationId: '1', item: value });
        expect(decodedByClient(value)).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });
});

const id = fc.string({ minLength: 1, unit: 'grapheme' });
const message: fc.Arbitrary<HubMessage> = fc.oneof(
  fc.record({ type: fc.constant(1 as const), target: id, arguments: fc.array(value) }),
  fc.record({ type: fc.constant(4 as const), invocationId: id, target: id, arguments: fc.array(value) }),
  fc.record({ type: fc.constant(2 as const), invocationId: id, item: value }),
  fc.record({
    type: fc.constant(3 as const),
    invocationId: id,
    outcome: fc.record({ kind: fc.constant('result' as const), result: value }),
  }),
  fc.record({ type: fc.constant(5 as const), invocationId: id }),
  fc.constant({ type: 6 as const }),
  fc.record({ type: fc.constantFrom(8 as const, 9 as const), sequenceId: fc.nat() }),
);

describe('properties', () => {
  test('a valid stream of bytes gives the same messages for any split into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.array(fc.nat({ max: 60 }), { maxLength: 200 }),
        (messages, cuts) => {
          const bytes = Buffer.concat(messages.map((each) => messagePackHubProtocol.write(each)));
          const chunks: Buffer[] = [];
          let offset = 0;
          for (const cut of cuts) {
            chunks.push(bytes.subarray(offset, offset + cut));
            offset += cut;
          }
          chunks.push(bytes.subarray(Math.min(offset, bytes.length)));
          expect(parseAll(chunks)).toEqual(messages);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('random bytes give messages or a SignalRError', () => {
    const frame = fc
      .uint8Array({ maxLength: 60 })
      .map((body) => Buffer.concat([writeLengthPrefix(body.length), body]));
    const typed = fc
      .tuple(
        fc.constantFrom(0x91, 0x93, 0x94, 0x95, 0x96),
        fc.integer({ min: 1, max: 9 }),
        fc.uint8Array({ maxLength: 40 }),
      )
      .map(([head, type, rest]) => Buffer.from([head, type, 0x80, 0xa1, 0x31, ...rest]))
      .map((body) => Buffer.concat([writeLengthPrefix(body.length), body]));
    const raw = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(fc.oneof(frame, typed, raw), { maxLength: 5 }), (chunks) => {
        try {
          parseAll(chunks, 64);
        } catch (error) {
          expect(error).toBeInstanceOf(SignalRError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
