/* The JSON hub protocol: a table of wire text and messages, and properties that hold for any split and any bytes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonText, SignalRError } from '../../src/index.js';
import { type HubMessage, MessageType } from '../../src/protocol/hub-message.js';
import type { HubProtocol } from '../../src/protocol/hub-protocol.js';
import { jsonHubProtocol } from '../../src/protocol/json-hub-protocol.js';
import { messagePackHubProtocol } from '../../src/protocol/message-pack-hub-protocol.js';

const RS = '\u001e';

function parseAll(chunks: readonly Buffer[], maximumBytes = 1_000_000): HubMessage[] {
  const parser = jsonHubProtocol.createParser(maximumBytes);
  const messages: HubMessage[] = [];
  for (const chunk of chunks) {
    parser.push(chunk);
    for (let message = parser.next(); message !== undefined; message = parser.next()) messages.push(message);
  }
  return messages;
}

const bothWays: readonly [string, HubMessage][] = [
  ['{"type":1,"target":"t","arguments":[]}', { type: 1, target: 't', arguments: [] }],
  [
    '{"type":1,"headers":{"traceparent":"x"},"invocationId":"1","target":"t","arguments":[1,"a",null,{"b":[]}],"streamIds":["2"]}',
    {
      type: 1,
      headers: { traceparent: 'x' },
      invocationId: '1',
      target: 't',
      arguments: [1, 'a', null, { b: [] }],
      streamIds: ['2'],
    },
  ],
  ['{"type":2,"invocationId":"1","item":null}', { type: 2, invocationId: '1', item: null }],
  [
    '{"type":2,"headers":{},"invocationId":"1","item":[1]}',
    { type: 2, headers: {}, invocationId: '1', item: [1] },
  ],
  ['{"type":3,"invocationId":"1"}', { type: 3, invocationId: '1', outcome: { kind: 'void' } }],
  [
    '{"type":3,"invocationId":"1","result":null}',
    { type: 3, invocationId: '1', outcome: { kind: 'result', result: null } },
  ],
  [
    '{"type":3,"invocationId":"1","error":""}',
    { type: 3, invocationId: '1', outcome: { kind: 'error', error: '' } },
  ],
  [
    '{"type":4,"invocationId":"1","target":"t","arguments":[]}',
    { type: 4, invocationId: '1', target: 't', arguments: [] },
  ],
  ['{"type":5,"invocationId":"1"}', { type: 5, invocationId: '1' }],
  ['{"type":6}', { type: 6 }],
  ['{"type":7}', { type: 7 }],
  ['{"type":7,"error":"e","allowReconnect":true}', { type: 7, error: 'e', allowReconnect: true }],
  ['{"type":8,"sequenceId":5}', { type: 8, sequenceId: 5 }],
  ['{"type":9,"sequenceId":9007199254740991}', { type: 9, sequenceId: 9007199254740991 }],
];

describe('messages and wire text', () => {
  test.each(bothWays)('the JSON message %s is read and written', (text, message) => {
    expect(parseAll([Buffer.from(text + RS)])).toEqual([message]);
    expect(jsonHubProtocol.write(message).toString()).toBe(text + RS);
  });

  test.each<[string, string, HubMessage[]]>([
    [
      'any order of properties',
      '{"arguments":[1],"target":"t","invocationId":"1","type":1}',
      [{ type: 1, invocationId: '1', target: 't', arguments: [1] }],
    ],
    ['unknown properties', '{"type":6,"future":{"type":1}}', [{ type: 6 }]],
    [
      'an empty invocation id as none',
      '{"type":1,"invocationId":"","target":"t","arguments":[]}',
      [{ type: 1, target: 't', arguments: [] }],
    ],
    ['a refusal to reconnect as absence', '{"type":7,"allowReconnect":false}', [{ type: 7 }]],
    ['white space', ' { "type" : 6 } ', [{ type: 6 }]],
    [
      'an escaped separator',
      '{"type":1,"target":"\\u001e","arguments":[]}',
      [{ type: 1, target: '\u001e', arguments: [] }],
    ],
    ['unknown types by skipping them', `{"type":99}${RS}{"type":6}${RS}{"type":-1}`, [{ type: 6 }]],
    [
      'hostile keys as data',
      '{"type":1,"target":"t","arguments":[{"__proto__":{"x":1}}]}',
      [{ type: 1, target: 't', arguments: [JSON.parse('{"__proto__":{"x":1}}')] }],
    ],
  ])('the JSON protocol reads %s', (_title, text, messages) => {
    expect(parseAll([Buffer.from(text + RS)])).toEqual(messages);
  });

  test.each([
    '',
    '{',
    'null',
    '1',
    '"x"',
    '[]',
    '{}',
    '{"type":"1"}',
    '{"type":null}',
    '{"type":1.5}',
    '{"type":1e400}',
    '{"type":2147483648}',
    '{"type":-2147483649}',
    '{"type":1,"arguments":[]}',
    '{"type":1,"target":"t"}',
    '{"type":1,"target":null,"arguments":[]}',
    '{"type":1,"target":"t","arguments":{}}',
    '{"type":1,"target":"t","arguments":null}',
    '{"type":1,"invocationId":5,"target":"t","arguments":[]}',
    '{"type":1,"invocationId":null,"target":"t","arguments":[]}',
    '{"type":1,"target":"t","arguments":[],"streamIds":[1]}',
    '{"type":1,"target":"t","arguments":[],"headers":null}',
    '{"type":1,"target":"t","arguments":[],"headers":[]}',
    '{"type":1,"target":"t","arguments":[],"headers":{"a":1}}',
    '{"type":2,"invocationId":"1"}',
    '{"type":2,"item":1}',
    '{"type":2,"invocationId":"","item":1}',
    '{"type":3}',
    '{"type":3,"invocationId":""}',
    '{"type":3,"invocationId":"1","error":5}',
    '{"type":3,"invocationId":"1","error":"e","result":1}',
    '{"type":3,"invocationId":"1","error":"e","result":null}',
    '{"type":4,"target":"t","arguments":[]}',
    '{"type":4,"invocationId":"","target":"t","arguments":[]}',
    '{"type":5}',
    '{"type":5,"invocationId":""}',
    '{"type":7,"error":5}',
    '{"type":7,"allowReconnect":"yes"}',
    '{"type":8}',
    '{"type":8,"sequenceId":"1"}',
    '{"type":9,"sequenceId":1.5}',
  ])('the JSON message %j is refused as malformed', (text) => {
    expect(() => parseAll([Buffer.from(text + RS)])).toThrow(
      expect.objectContaining({ code: 'malformed_message' }),
    );
  });

  test('a message with invalid UTF-8 is refused, and its bytes are not replaced', () => {
    const bytes = Buffer.concat([
      Buffer.from('{"type":6,"x":"'),
      Buffer.from([0xff]),
      Buffer.from(`"}${RS}`),
    ]);
    expect(() => parseAll([bytes])).toThrow(expect.objectContaining({ code: 'malformed_message' }));
  });

  test('an error never quotes the input', () => {
    try {
      parseAll([Buffer.from(`{"secret-token${RS}`)]);
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain('secret');
      expect((error as Error).cause).toBeUndefined();
    }
  });
});

describe('values', () => {
  const write = (result: unknown): string =>
    jsonHubProtocol
      .write({ type: MessageType.completion, invocationId: '1', outcome: { kind: 'result', result } })
      .toString();

  test('the protocol copies JSON text into a message unchanged', () => {
    expect(write(new JsonText('{"n":  1.50}'))).toBe(
      `{"type":3,"invocationId":"1","result":{"n":  1.50}}${RS}`,
    );
  });

  test('the protocol copies JSON text inside another value unchanged', () => {
    const inner = new JsonText('{"n":  9007199254740993}');
    expect(write({ inner, list: [inner] })).toContain(
      `"result":{"inner":${inner.text},"list":[${inner.text}]}}`,
    );
  });

  test('a value that JSON does not have is written as null', () => {
    expect(write(undefined)).toContain('"result":null');
    expect(write(() => 1)).toContain('"result":null');
  });

  test('bytes are written as base64 everywhere in a value', () => {
    expect(write(Buffer.from('abc'))).toContain('"result":"YWJj"');
    expect(write({ deep: [new Uint8Array([1, 2]), new Uint8Array([3]).buffer], n: 1 })).toContain(
      '"result":{"deep":["AQI=","Aw=="],"n":1}',
    );
  });

  test('big integers are written with all their digits, as .NET writes a long', () => {
    expect(write(2n ** 64n - 1n)).toContain('"result":18446744073709551615}');
    expect(write({ ids: [-(2n ** 63n), 5n], name: 'n' })).toContain(
      '"result":{"ids":[-9223372036854775808,5],"name":"n"}',
    );
  });

  test('values beside bytes and big integers are written as JSON.stringify writes them', () => {
    class Point {
      readonly x = 1;
      toJSON(key: string) {
        return { x: this.x, key };
      }
    }
    const values = [new Point(), undefined, () => 1, Symbol('s'), 1e300, '"\\ü'];
    const boxed = [Object(1), Object('s'), Object(true), new Map([[1, 2]]), [[], {}, null]];
    const beside = (rest: unknown): unknown => ({ rest, at: { date: 'x', none: undefined } });
    for (const value of [...values, ...boxed, values]) {
      const text = JSON.stringify(beside(value)).slice(1, -1);
      expect(write({ big: 1n, ...(beside(value) as object) })).toContain(`"result":{"big":1,${text}}`);
    }
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(write([value, 1n])).toContain(`"result":[${JSON.stringify(value)},1]`);
      }),
    );
  });

  test.each([
    ['2000-01-01T00:00:00.000Z', '2000-01-01T00:00:00Z'],
    ['2026-01-16T10:20:30.120Z', '2026-01-16T10:20:30.12Z'],
    ['2026-01-16T10:20:30.100Z', '2026-01-16T10:20:30.1Z'],
    ['2026-01-16T10:20:30.123Z', '2026-01-16T10:20:30.123Z'],
    ['+012026-01-16T10:20:00.000Z', '+012026-01-16T10:20:00Z'],
  ])('the date %s is written as %s, as .NET writes it, wherever it is in a value', (text, expected) => {
    const date = new Date(text);
    expect(write(date)).toContain(`"result":"${expected}"`);
    expect(write({ list: [date], big: 1n })).toContain(`"result":{"list":["${expected}"],"big":1}`);
  });

  test('an invalid date is written as null', () => {
    expect(write(new Date(Number.NaN))).toContain('"result":null');
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'the number %d does not exist in JSON, and is reported instead of changed',
    (value) => {
      for (const around of [value, [value], { deep: [{ value }] }, [1n, value]]) {
        expect(() => write(around)).toThrow(
          expect.objectContaining({
            code: 'unserializable',
            message: expect.stringContaining(String(value)) as unknown,
          }),
        );
      }
    },
  );

  test('a value that cannot be written is reported', () => {
    const circle: unknown[] = [];
    circle.push(circle);
    const around: unknown[] = [1n];
    around.push(around);
    const deep = JSON.parse(`${'['.repeat(502)}${']'.repeat(502)}`) as unknown;
    const broken = {
      toJSON() {
        throw new TypeError('no');
      },
    };
    for (const value of [circle, around, deep, broken, [1n, broken], 2n ** 64n, -(2n ** 63n) - 1n])
      expect(() => write(value)).toThrow(expect.objectContaining({ code: 'unserializable' }));
  });

  test('the JSON protocol accepts exactly the values that MessagePack accepts', () => {
    const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;
    const values = [1n, 2n ** 64n - 1n, 2n ** 64n, -(2n ** 63n), -(2n ** 63n) - 1n];
    const depths = [500, 501, 502, 503].map(nested);
    for (const value of [...values, ...depths, depths.map((deep) => [deep, 1n])]) {
      const message: HubMessage = { type: MessageType.streamItem, invocationId: '1', item: value };
      const isWritten = (protocol: HubProtocol): boolean => {
        try {
          return protocol.write(message).length > 0;
        } catch {
          return false;
        }
      };
      expect(isWritten(jsonHubProtocol)).toBe(isWritten(messagePackHubProtocol));
    }
  });

  test('JSON text from outside is checked for validity', () => {
    expect(JsonText.parse('[1]').text).toBe('[1]');
    expect(() => JsonText.parse('[1]]')).toThrow(SignalRError);
  });
});

describe('size limit', () => {
  const message = `{"type":6,"x":"${'y'.repeat(100)}"}${RS}`;

  test('the size limit includes the separator of a message', () => {
    expect(parseAll([Buffer.from(message)], message.length)).toHaveLength(1);
    expect(() => parseAll([Buffer.from(message)], message.length - 1)).toThrow(
      expect.objectContaining({ code: 'message_too_big' }),
    );
  });

  test('the size limit applies to each message, not to a whole chunk', () => {
    expect(parseAll([Buffer.from(message.repeat(50))], message.length)).toHaveLength(50);
  });

  test('an endless message is refused before it is complete', () => {
    const parser = jsonHubProtocol.createParser(64);
    parser.push(Buffer.alloc(63, 0x20));
    expect(parser.next()).toBeUndefined();
    parser.push(Buffer.from(' '));
    expect(() => parser.next()).toThrow(expect.objectContaining({ code: 'message_too_big' }));
  });
});

const id = fc.string({ minLength: 1, unit: 'grapheme' });
const value = fc.jsonValue().map((json) => JSON.parse(JSON.stringify(json)) as unknown);
const message: fc.Arbitrary<HubMessage> = fc.oneof(
  fc.record({
    type: fc.constant(1 as const),
    target: fc.string({ unit: 'grapheme' }),
    arguments: fc.array(value),
  }),
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
  test('every split of a valid stream yields the same messages', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.array(fc.nat({ max: 60 }), { maxLength: 200 }),
        (messages, cuts) => {
          const bytes = Buffer.concat(messages.map((each) => jsonHubProtocol.write(each)));
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

  test('random bytes give messages or one typed error', () => {
    const bytes = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.constantFrom(...Array.from('{}[]",:0tfn\u001e')).map((c) => Buffer.from(c)),
      ),
    );
    fc.assert(
      fc.property(bytes, (chunks) => {
        try {
          parseAll(
            chunks.map((chunk) => Buffer.from(chunk)),
            64,
          );
        } catch (error) {
          expect(error).toBeInstanceOf(SignalRError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
