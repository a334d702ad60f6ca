/*
 * An official client that receives JSON text from a hub reads the value that `JSON.parse` returns for the text, over every
 * transport and protocol. MessagePack also keeps the digits of large integers that a JavaScript number would lose.
 */
import { HttpTransportType } from '@microsoft/signalr';
import { jsonText } from '@millrace/testkit';
import { decode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defineHub, type HubContext, JsonText, SignalRError } from '../../src/index.js';
import { MessageType } from '../../src/protocol/hub-message.js';
import type { HubProtocol } from '../../src/protocol/hub-protocol.js';
import { jsonHubProtocol } from '../../src/protocol/json-hub-protocol.js';
import { messagePackHubProtocol } from '../../src/protocol/message-pack-hub-protocol.js';
import { MessagePackReader } from '../../src/protocol/message-pack-reader.js';
import { startHost } from '../support/host.js';
import { connectOfficial } from '../support/official-client.js';

const texts: readonly string[] = [
  '{"type":"info",\r"title":"x"}',
  '{\n"a"\r:\n\r[1,\r\r\n\t 2\r]\r\n}\r',
  '["\u2028\u2029\u0085\u007f\ufeff", "\\u0000\\u001e\\r\\n"]',
  '{"":1,"":2,"a":{"a":1},"a":[]}',
  '[9007199254740993,-9007199254740993,1e400,-1e400,1.10,-0,-0.0,1E-400,123456789012345678901,18446744073709551615]',
  `${'['.repeat(60)}${']'.repeat(60)}`,
];

const hub = defineHub<{ data(value: unknown): void }>()({
  methods: {
    send: (context: HubContext<{ data(value: unknown): void }, undefined, object>, index) =>
      context.clients.caller.send('data', new JsonText(texts[Number(index)] ?? '')),
    give: (_context, index) => new JsonText(texts[Number(index)] ?? ''),
    wrap: (_context, index) => ({ inner: [new JsonText(texts[Number(index)] ?? '')] }),
  },
});

describe.each([
  ['WebSockets', 'json'],
  ['WebSockets', 'messagepack'],
  ['ServerSentEvents', 'json'],
  ['LongPolling', 'json'],
  ['LongPolling', 'messagepack'],
] as const)('over %s with %s', (transport, protocol) => {
  test.each(texts.map((text, index) => [JSON.stringify(text).slice(0, 60), index] as const))(
    'the JSON text %s arrives as an argument, as a result, and inside a result',
    async (_text, index) => {
      await using host = await startHost((server) => void server.mapHub('/hub', hub));
      await using client = await connectOfficial(host.url, {
        transport: HttpTransportType[transport],
        protocol,
      });
      const expected = JSON.parse(texts[index] ?? '') as unknown;
      const argument = new Promise((resolve) => {
        client.on('data', resolve);
      });
      await client.invoke('send', index);
      expect(await argument).toEqual(expected);
      expect(await client.invoke('give', index)).toEqual(expected);
      expect(await client.invoke('wrap', index)).toEqual({ inner: [expected] });
    },
  );
});

/** Encodes a MessagePack message with the JSON text as its item. Returns the message's bytes from the item on. */
function bytesOf(text: string): Buffer {
  // A trusted text: the writer is tested, not the check before it.
  const item = new JsonText(text, { isTrusted: true });
  const bytes = messagePackHubProtocol.write({ type: MessageType.streamItem, invocationId: '1', item });
  const prefix = bytes.findIndex((byte) => byte < 0x80) + 1;
  return bytes.subarray(prefix + Buffer.from('940280a131', 'hex').length);
}

describe('a text that is not JSON for all clients', () => {
  test.each(['', '{', '[1,]', '\ufeff1', '"a\u001e"', '1 2', '01', 'NaN', '{"n":Infinity}'])(
    'the JsonText of %j is refused where it is made, before any protocol writes it',
    (text) => {
      for (const make of [() => new JsonText(text), () => JsonText.parse(text)])
        expect(make).toThrow(expect.objectContaining({ code: 'invalid_json_text' }));
    },
  );

  test('a text that is nested too deep for MessagePack is refused where it is made', () => {
    const nested = (levels: number): string =>
      `${'[{"\\"[[":'.repeat(levels / 2)}"]}"${'}]'.repeat(levels / 2)}`;
    expect(new JsonText(nested(500)).toJSON()).toBeInstanceOf(Array);
    expect(() => new JsonText(nested(502))).toThrow(/nested 502 levels deep. At most 500 are allowed/);
  });

  const encoded = (item: unknown) => (protocol: HubProtocol) => {
    try {
      return protocol.write({ type: MessageType.streamItem, invocationId: '1', item }).length > 0;
    } catch (error) {
      return error instanceof SignalRError ? error.code : error;
    }
  };

  test.each<[string, unknown, unknown]>([
    ['NaN', Number.NaN, 'unserializable'],
    ['an infinite number', { items: [Number.NEGATIVE_INFINITY] }, 'unserializable'],
    [
      'a text that is nested too deep where it stands',
      [new JsonText(`${'['.repeat(500)}${']'.repeat(500)}`)],
      'unserializable',
    ],
    ['a text that is not nested too deep', [new JsonText(`${'['.repeat(499)}${']'.repeat(499)}`)], true],
    ['a text with a number beyond the range of a double', new JsonText('1e400'), true],
  ])('both protocols decide the same about %s', (_what, value, expected) => {
    expect([jsonHubProtocol, messagePackHubProtocol].map(encoded(value))).toEqual([expected, expected]);
  });
});

describe('JSON text as MessagePack', () => {
  test.each<[string, unknown]>([
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', 9007199254740993n],
    ['-9007199254740993', -9007199254740993n],
    ['9223372036854775807', 2n ** 63n - 1n],
    ['-9223372036854775808', -(2n ** 63n)],
    ['18446744073709551615', 2n ** 64n - 1n],
    ['18446744073709551616', 2 ** 64],
    ['-9223372036854775809', -(2 ** 63)],
    ['12345678901234567890123', Number('12345678901234567890123')],
    ['9007199254740993.0', 9007199254740992],
    ['9007199254740993e0', 9007199254740992],
    ['1e400', Number.POSITIVE_INFINITY],
    ['-0', -0],
    ['0', 0],
    ['1.0', 1],
    ['1.10', 1.1],
  ])('the JSON number %s is encoded in MessagePack without loss up to 64 bits', (text, value) => {
    expect(new MessagePackReader(bytesOf(text)).readValue()).toBe(value);
    const list = `[ ${text}\r\n,"\\"${text}", 9007199254740993,{"a" :${text}}]`;
    expect(new MessagePackReader(bytesOf(list)).readValue()).toEqual([
      value,
      `"${text}`,
      9007199254740993n,
      { a: value },
    ]);
  });

  test.each(['', '{', '[1,]', '[9007199254740993,]', '\ufeff1', '"a\u001e"', '1 2', '01'])(
    'MessagePack refuses %j, which is not JSON',
    (text) => {
      expect(() => bytesOf(text)).toThrow(expect.objectContaining({ code: 'unserializable' }));
    },
  );

  test.each([
    ['without', ''],
    ['with', '9007199254740993'],
  ])('MessagePack refuses JSON text that is nested too deep (%s a long number inside)', (_how, inner) => {
    const text = `${'['.repeat(100_000)}${inner}${']'.repeat(100_000)}`;
    expect(() => bytesOf(text)).toThrow(expect.objectContaining({ code: 'unserializable' }));
  });

  test('the official library decodes the MessagePack of a JSON text to the value that JSON.parse returns', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        expect(decode(bytesOf(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 2_000 },
    );
  });
});
