/*
 * Encoding and decoding of backplane messages, and decoding of arbitrary bytes.
 */
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBackplaneMessage, encodeBackplaneMessage } from '../../src/backplane/backplane-codec.js';
import type { BackplaneMessage } from '../../src/backplane/backplane-message.js';
import { randomId } from '../../src/backplane/backplane-sender.js';

const sender = 'AAAAAAAAAAAAAAAAAAAAAA';
const id = 'id_of_22_characters-00';
const head = { sender, sequence: 7 };
const bytes = Uint8Array.of(1, 2, 255);
const encodings = new Map([
  ['json', bytes],
  ['messagepack', Uint8Array.of()],
]);
const wireEncodings = { json: bytes, messagepack: Uint8Array.of() };

const send = { ...head, kind: 'send', key: undefined, encodings } as const;
const question = { ...head, kind: 'query', id, connectionId: 'c' } as const;

/**
 * Each row has a name, a message, and the message's array on the wire. The array begins with the kind here. It has no
 * version, sender and sequence number.
 */
const table: readonly (readonly [string, BackplaneMessage, readonly unknown[]])[] = [
  ['the first announcement', { ...head, kind: 'announce', isNew: true }, [1, true]],
  ['a later announcement', { ...head, kind: 'announce', isNew: false }, [1, false]],
  ['a leave message', { ...head, kind: 'leave' }, [2]],
  ['a send to all', { ...send, address: { kind: 'all' } }, [3, 0, [], [], null, null, wireEncodings]],
  [
    'a send to connections, with exceptions and an empty key',
    {
      ...send,
      address: { kind: 'connections', names: ['a', 'b'], exceptConnections: ['c'], exceptUser: '' },
      key: '',
    },
    [3, 1, ['a', 'b'], ['c'], '', '', wireEncodings],
  ],
  [
    'a send to the group with the empty name',
    { ...send, address: { kind: 'groups', names: [''] }, key: 'price' },
    [3, 2, [''], [], null, 'price', wireEncodings],
  ],
  [
    'a send to no users at all',
    { ...send, address: { kind: 'users', names: [], exceptUser: 'Ä' } },
    [3, 3, [], [], 'Ä', null, wireEncodings],
  ],
  [
    'a request to add to a group',
    { ...question, request: { kind: 'add', group: 'g' } },
    [4, id, 'c', 0, 'g'],
  ],
  [
    'a request to remove from a group',
    { ...question, request: { kind: 'remove', group: '' } },
    [4, id, 'c', 1, ''],
  ],
  ['a request to abort', { ...question, request: { kind: 'abort' } }, [4, id, 'c', 2]],
  [
    'a request to invoke',
    { ...question, request: { kind: 'invoke', encodings } },
    [4, id, 'c', 3, wireEncodings],
  ],
  ['a negative answer', { ...head, kind: 'answer', id, answer: 'elsewhere' }, [5, id, 0]],
  ['a positive answer', { ...head, kind: 'answer', id, answer: 'done' }, [5, id, 1]],
  ['a positive answer without effect', { ...head, kind: 'answer', id, answer: 'not_done' }, [5, id, 2]],
  ['a completion', { ...head, kind: 'completion', id, protocol: 'json', bytes }, [6, id, 'json', bytes]],
  [
    'a failure',
    { ...head, kind: 'failure', id, code: 'not_ready', text: 'why' },
    [7, id, 'not_ready', 'why'],
  ],
  ['a cancellation', { ...head, kind: 'cancel', id }, [8, id]],
  ['a check of calls', { ...head, kind: 'check', ids: [id, sender] }, [9, [id, sender]]],
  ['an empty list of missing calls', { ...head, kind: 'missing', ids: [] }, [10, []]],
];

/** Returns the complete array on the wire for a row's array. */
const wireOf = ([kind, ...fields]: readonly unknown[]): unknown[] => [1, kind, sender, 7, ...fields];

/** Replaces byte arrays and maps by plain arrays, so that messages can be compared. */
function plain(message: unknown): unknown {
  if (message instanceof Uint8Array) return Array.from(message);
  if (message instanceof Map)
    return Array.from(message, ([key, value]: [unknown, unknown]) => [key, plain(value)]);
  if (typeof message !== 'object' || message === null) return message;
  return Object.fromEntries(Object.entries(message).map(([key, value]) => [key, plain(value)]));
}

describe.each(table)('%s', (_name, message, wire) => {
  test('the encoded bytes of a message match its row in the table', () => {
    expect(plain(decode(encodeBackplaneMessage(message)))).toEqual(plain(wireOf(wire)));
  });

  test('a message with additional items from another MessagePack library is decoded', () => {
    const later = encode([...wireOf(wire), 'later', { n: 1 }]);
    expect(plain(decodeBackplaneMessage(later))).toEqual(plain({ message }));
  });

  test('a truncated message is malformed', () => {
    const whole = encodeBackplaneMessage(message);
    for (let length = 0; length < whole.length; length += 1)
      expect(decodeBackplaneMessage(whole.subarray(0, length))).toMatchObject({ reason: 'malformed' });
  });
});

test.each([
  ['of another version', [2, 1, sender, 7, true], 'unknown_version'],
  ['of a later version with completely different content', [2, 'hello', {}, null], 'unknown_version'],
  ['without a version', ['1', 1, sender, 7, true], 'malformed'],
  ['that is too short', [1, 2, sender], 'malformed'],
  ['that is not an array', { version: 1 }, 'malformed'],
  ['with an invalid sender id', [1, 2, 'x', 7], 'malformed'],
  ['with a line break after the sender id', [1, 2, `${sender}\n`, 7], 'malformed'],
  ['with a sequence number below 0', [1, 2, sender, -1], 'malformed'],
  ['with a sequence number that is not an integer', [1, 2, sender, 1.5], 'malformed'],
  ['with an unknown kind of address', [1, 3, sender, 7, 4, [], [], null, null, {}], 'malformed'],
  ['with a number in place of a group name', [1, 3, sender, 7, 2, [5], [], null, null, {}], 'malformed'],
  ['with a string in place of bytes', [1, 3, sender, 7, 0, [], [], null, null, { json: 'x' }], 'malformed'],
  ['with an unknown failure code', [1, 7, sender, 7, id, 'hub_error', 'x'], 'malformed'],
  ['with an unknown answer', [1, 5, sender, 7, id, 3], 'malformed'],
  ['with an invalid call id', [1, 8, sender, 7, 'x'.repeat(1_000)], 'malformed'],
])('a message %s is not accepted', (_name, wire, reason) => {
  expect(decodeBackplaneMessage(encode(wire))).toMatchObject({ message: undefined, reason });
});

test('a message of an unknown kind is decoded only up to its sender and sequence number', () => {
  expect(decodeBackplaneMessage(encode([1, 11, sender, 7, 'x']))).toEqual({
    message: undefined,
    reason: 'unknown_kind',
    head,
  });
});

const text = fc.string({ unit: 'binary' });
const texts = fc.array(text, { maxLength: 5 });
const anyEncodings = fc
  .array(fc.tuple(text, fc.uint8Array()), { maxLength: 3 })
  .map((entries) => new Map(entries));
const anyId = fc.constant('').map(randomId);
const anyAddress = fc
  .tuple(fc.constantFrom('connections', 'groups', 'users'), texts, texts, fc.option(text))
  .map(([kind, names, exceptConnections, exceptUser]) => ({
    kind,
    names,
    ...(exceptConnections.length === 0 ? {} : { exceptConnections }),
    ...(exceptUser === null ? {} : { exceptUser }),
  }));
const anyMessage: fc.Arbitrary<BackplaneMessage> = fc
  .tuple(
    fc.record({ sender: anyId, sequence: fc.maxSafeNat() }),
    fc.oneof(
      fc.record({
        kind: fc.constant('send' as const),
        address: anyAddress,
        key: fc.option(text, { nil: undefined }),
        encodings: anyEncodings,
      }),
      fc.record({
        kind: fc.constant('query' as const),
        id: anyId,
        connectionId: text,
        request: fc.oneof(
          fc.record({ kind: fc.constantFrom('add' as const, 'remove' as const), group: text }),
          fc.record({ kind: fc.constant('invoke' as const), encodings: anyEncodings }),
        ),
      }),
      fc.record({
        kind: fc.constant('completion' as const),
        id: anyId,
        protocol: text,
        bytes: fc.uint8Array(),
      }),
    ),
  )
  .map(([start, body]) => ({ ...start, ...body }));

test('an encoded message is equal to the original message after decoding', () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      expect(plain(decodeBackplaneMessage(encodeBackplaneMessage(message)))).toEqual(plain({ message }));
    }),
  );
});

test('decoding never throws, whether the bytes are random or a message with changed bytes', () => {
  const spoiled = fc
    .tuple(anyMessage, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }))
    .map(([message, changes]) => {
      const copy = Uint8Array.from(encodeBackplaneMessage(message));
      for (const [at, value] of changes) copy[at % copy.length] = value;
      return copy;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), spoiled), (any) => {
      const decoded = decodeBackplaneMessage(any);
      expect(decoded.message ?? decoded.reason).toBeDefined();
    }),
    { numRuns: 2_000 },
  );
});
