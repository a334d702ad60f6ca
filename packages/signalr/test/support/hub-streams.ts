/* Client input from fast-check: valid messages of every kind, ways to split them, and corrupted streams. */
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import type { HubMessage } from '../../src/protocol/hub-message.js';
import type { HubProtocol } from '../../src/protocol/hub-protocol.js';
import { jsonHubProtocol } from '../../src/protocol/json-hub-protocol.js';
import { writeLengthPrefix } from '../../src/protocol/length-prefix-reader.js';
import { messagePackHubProtocol } from '../../src/protocol/message-pack-hub-protocol.js';
import { RS } from './raw-client.js';

/** An id, often one of four, so that messages refer to each other's streams and calls. */
const id = fc.oneof(
  fc.constantFrom('1', '2', 's1', 's2'),
  fc.string({ minLength: 1, maxLength: 6, unit: 'grapheme' }),
);
const target = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('echo', 'ECHO', 'later', 'fail', 'join', 'sum', 'count') },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'toString') },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' }) },
);
const value = fc.jsonValue({ maxDepth: 3 }).map((json) => JSON.parse(JSON.stringify(json)) as unknown);
const args = fc.oneof(fc.array(value, { maxLength: 3 }), fc.constantFrom<unknown[]>(['text'], [3], [11]));
const headers = fc.dictionary(
  fc.constantFrom('traceparent', 'x', 'constructor'),
  fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' }),
  { maxKeys: 2, noNullPrototype: true },
);
const streamIds = fc.uniqueArray(fc.constantFrom('s1', 's2'), { maxLength: 2 });

/** Calls that begin a stream or an upload that never ends. It ends only with the connection. */
const endless: fc.Arbitrary<HubMessage> = fc.oneof(
  fc.record({
    type: fc.constant(4 as const),
    invocationId: id,
    target: fc.constant('count'),
    arguments: fc.constant([11]),
  }),
  fc.record({
    type: fc.constant(1 as const),
    target: fc.constant('sum'),
    arguments: fc.constant(['text']),
    streamIds: fc.constantFrom(['s1'], ['s2']),
  }),
);

const message: fc.Arbitrary<HubMessage> = fc.oneof(
  endless,
  fc.record({ type: fc.constant(1 as const), target, arguments: args }),
  fc.record({ type: fc.constant(1 as const), invocationId: id, target, arguments: args, streamIds }),
  fc.record({ type: fc.constant(1 as const), headers, invocationId: id, target, arguments: args }),
  fc.record({ type: fc.constant(2 as const), invocationId: id, item: value }),
  fc.record({
    type: fc.constant(3 as const),
    invocationId: id,
    outcome: fc.oneof(
      fc.record({ kind: fc.constant('result' as const), result: value }),
      fc.record({ kind: fc.constant('error' as const), error: fc.string() }),
      fc.constant({ kind: 'void' as const }),
    ),
  }),
  fc.record({ type: fc.constant(4 as const), invocationId: id, target, arguments: args, streamIds }),
  fc.record({ type: fc.constant(5 as const), invocationId: id }),
  fc.constant({ type: 6 as const }),
  fc.record({ type: fc.constantFrom(8 as const, 9 as const), sequenceId: fc.nat() }),
);

/** All bytes of one client, from its handshake on. */
export interface HubStream {
  readonly protocol: HubProtocol;
  readonly messageCount: number;
  readonly bytes: Buffer;
}

function handshakeFor(protocol: HubProtocol): Buffer {
  return Buffer.from(`{"protocol":"${protocol.name}","version":1}${RS}`);
}

const protocol = fc.constantFrom(jsonHubProtocol, messagePackHubProtocol);

/** A stream of valid messages after a valid handshake. */
export const validStream: fc.Arbitrary<HubStream> = fc
  .tuple(protocol, fc.array(message, { maxLength: 8 }))
  .map(([protocol, messages]) => ({
    protocol,
    messageCount: messages.length,
    bytes: Buffer.concat([handshakeFor(protocol), ...messages.map((each) => protocol.write(each))]),
  }));

/** A message of the right shape, with any value in any field. */
const misshapen: fc.Arbitrary<(protocol: HubProtocol) => Buffer> = fc
  .record({
    type: fc.oneof(fc.integer({ min: 0, max: 10 }), value),
    rest: fc.array(fc.oneof(value, id, target, args, headers, streamIds), { maxLength: 6 }),
  })
  .map(({ type, rest }) => (protocol) => {
    if (protocol === messagePackHubProtocol) {
      const body = Buffer.from(encode([type, ...rest]));
      return Buffer.concat([writeLengthPrefix(body.length), body]);
    }
    const names = ['invocationId', 'target', 'arguments', 'streamIds', 'item', 'result', 'error', 'headers'];
    const fields = rest.map(
      (each, index) => [names[(index * 5 + rest.length) % names.length], each] as const,
    );
    return Buffer.from(JSON.stringify({ type, ...Object.fromEntries(fields) }) + RS);
  });

/** Bytes that the generator inserts at a wrong place. They are random, or special in one of the protocols. */
const poison = fc.oneof(
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(
      RS,
      RS + RS,
      '{"type":7}' + RS,
      '"',
      '\\ud800',
      '['.repeat(3_000),
      '{"a":'.repeat(500),
      '9'.repeat(400),
    )
    .map((text) => Buffer.from(text)),
  fc
    .constantFrom(
      '00',
      'ff ff ff ff 07',
      'ff ff ff ff ff',
      'dd ff ff ff ff',
      'df 7f ff ff ff',
      'c6 ff ff ff ff',
      'c1',
      'c7 00 ff',
      'd9 ff',
    )
    .map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex')),
  fc
    .integer({ min: 1, max: 600 })
    .map((depth) => Buffer.concat([writeLengthPrefix(depth), Buffer.alloc(depth, 0x91)])),
);

type Spoil = (bytes: Buffer) => Buffer;

const place = fc.double({ min: 0, max: 1, noNaN: true });

const spoil: fc.Arbitrary<Spoil> = fc.oneof(
  fc.tuple(place, fc.nat({ max: 255 })).map(
    ([at, mask]): Spoil =>
      (bytes) => {
        const copy = Buffer.from(bytes);
        const index = Math.floor(at * bytes.length);
        copy[index] = (copy[index] ?? 0) ^ mask;
        return copy;
      },
  ),
  fc.tuple(place, poison).map(
    ([at, inserted]): Spoil =>
      (bytes) => {
        const index = Math.floor(at * bytes.length);
        return Buffer.concat([bytes.subarray(0, index), inserted, bytes.subarray(index)]);
      },
  ),
  fc.tuple(place, fc.nat({ max: 20 })).map(
    ([at, count]): Spoil =>
      (bytes) => {
        const index = Math.floor(at * bytes.length);
        return Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + count)]);
      },
  ),
  fc.tuple(place, place, place).map(
    ([from, to, at]): Spoil =>
      (bytes) => {
        const [start, end, index] = [from, to, at].map((each) => Math.floor(each * bytes.length));
        return Buffer.concat([bytes.subarray(0, index), bytes.subarray(start, end), bytes.subarray(index)]);
      },
  ),
);

/** A stream of valid and misshapen messages, corrupted in a few places. The handshake often stays valid. */
export const hostileStream: fc.Arbitrary<HubStream> = fc
  .record({
    stream: validStream,
    misshapen: fc.array(misshapen, { maxLength: 3 }),
    spoils: fc.array(spoil, { maxLength: 4 }),
    sparesHandshake: fc.boolean(),
  })
  .map(({ stream, misshapen, spoils, sparesHandshake }) => {
    const { protocol, messageCount } = stream;
    const handshakeBytes = sparesHandshake ? handshakeFor(protocol).length : 0;
    const whole = Buffer.concat([stream.bytes, ...misshapen.map((make) => make(protocol))]);
    const spoiled = spoils.reduce<Buffer>((bytes, apply) => apply(bytes), whole.subarray(handshakeBytes));
    return {
      protocol,
      messageCount,
      bytes: Buffer.concat([whole.subarray(0, handshakeBytes), spoiled]),
    };
  });

/** The lengths of a stream's chunks. A length may be 0. The rest of the stream is one more chunk. */
export const cuts = fc.oneof(
  fc.array(fc.nat({ max: 60 }), { maxLength: 60 }),
  fc.constant(Array.from({ length: 700 }, () => 1)),
);

/** Splits a stream into chunks of these lengths. */
export function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let offset = 0;
  for (const length of lengths) {
    chunks.push(Buffer.from(bytes.subarray(offset, offset + length)));
    offset += length;
  }
  chunks.push(Buffer.from(bytes.subarray(Math.min(offset, bytes.length))));
  return chunks;
}
