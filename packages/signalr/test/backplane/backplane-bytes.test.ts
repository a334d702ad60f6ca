/* Bytes from a backplane never harm an instance, whatever they contain. */
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KIND } from '../support/faulty-backplane.js';
import { reported, startPair } from '../support/faulty-pair.js';

describe('bytes that no instance sent', () => {
  const sender = 'x'.repeat(22);

  test.each([
    ['of an unknown kind', encode([1, 99, sender, 0]), 'unknown_kind'],
    ['that is not valid MessagePack', Uint8Array.of(0xc1), 'malformed'],
    [
      'that lacks the encoding for MessagePack',
      encode([1, 3, sender, 1, 0, [], [], null, null, { json: new Uint8Array(1) }]),
      'malformed',
    ],
  ])('a backplane message %s is ignored and reported', async (_name, bytes, reason) => {
    await using pair = await startPair();
    await pair.inject(bytes);
    expect(reported(pair.other)).toEqual([{ type: 'backplane_message_ignored', hub: '/hub', reason }]);
  });

  test('each backplane message of a later version is ignored and reported, and each unknown version is reported once', async () => {
    await using pair = await startPair();
    const { one, other, client, inject } = pair;
    // A message of an unknown version may have any content after its version number.
    for (const bytes of [
      encode([2, 1, sender, 0]),
      encode([2, { new: 'form' }, [], 'x']),
      encode([3, 1, 1, 1]),
    ])
      await inject(bytes);
    const ignored = { type: 'backplane_message_ignored', hub: '/hub', reason: 'unknown_version' };
    expect(reported(other)).toEqual([
      { type: 'backplane_version_unknown', hub: '/hub', version: 2 },
      ignored,
      ignored,
      { type: 'backplane_version_unknown', hub: '/hub', version: 3 },
      ignored,
    ]);
    one.hub.clients.all.send('note', 'heard');
    await expect.poll(() => client.notes).toEqual(['heard']);
  });

  test('the messages of instances beyond the limit of 1,000 are ignored, and the messages of known instances still arrive', async () => {
    await using pair = await startPair();
    const { one, other, client, inject } = pair;
    for (let index = 0; index < 1_000; index += 1)
      await inject(encode([1, KIND.announce, String(index).padStart(22, '0'), 0, true]));
    expect(new Set(reported(other).map((event) => JSON.stringify(event)))).toEqual(
      new Set([JSON.stringify({ type: 'backplane_message_ignored', hub: '/hub', reason: 'refused' })]),
    );
    one.hub.clients.all.send('note', 'heard');
    await expect.poll(() => client.notes).toEqual(['heard']);
  });

  test('random bytes from the backplane do not stop an instance from serving its clients', async () => {
    await using pair = await startPair();
    const { one, other, client, inject } = pair;
    const text = fc.oneof(fc.constant(client.id), fc.constant(sender), fc.string());
    const value = fc.oneof(
      text,
      fc.nat(12),
      fc.constant(null),
      fc.boolean(),
      fc.array(text, { maxLength: 3 }),
      fc.record({ json: fc.uint8Array(), messagepack: fc.uint8Array() }),
      fc.uint8Array(),
    );
    // Values that resemble messages, so that most of them can be decoded.
    const nearly = fc
      .tuple(
        fc.nat(12),
        fc.constantFrom(sender, 'y'.repeat(22)),
        fc.nat(20),
        fc.array(value, { maxLength: 7 }),
      )
      .map(([kind, from, sequence, fields]) => encode([1, kind, from, sequence, ...fields]));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(nearly, fc.uint8Array()),
        fc.constantFrom(...other.backplane.channels),
        async (bytes, channel) => {
          await inject(bytes, channel);
        },
      ),
      { numRuns: 1_000 },
    );
    one.hub.clients.group('nobody’s').send('note', 'not for it');
    one.hub.clients.client(client.id).send('note', 'still served');
    await expect.poll(() => client.notes.at(-1)).toBe('still served');
    expect(other.hub.connections.count).toBe(1);
  });
});
