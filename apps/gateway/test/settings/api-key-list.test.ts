import { expect, it } from 'vitest';
import { apiKeyList } from '../../src/settings/api-key-list.js';

const kind = apiKeyList();
const key = 'hunter2-hunter2-hunter2';
const sha256 = 'a1'.repeat(32);

/** Reads the text of a variable, and returns the fault of its value. */
const faultOf = (text: string): string | undefined => kind.faultOf('KEYS', kind.read(text));

it.each([
  key,
  `${key},${key}2`,
  JSON.stringify([{ name: 'shop', key }]),
  JSON.stringify([{ name: 'shop', sha256 }, key]),
  JSON.stringify([{ name: 'shop', sha256, scopes: ['publish', 'read'], rooms: ['a', 'acme:*'], types: [] }]),
  '[]',
])('the list %s is accepted', (text) => {
  expect(faultOf(text)).toBeUndefined();
});

it.each([
  ['short', /must have at least 16 characters/],
  [`[${key}`, /must be a list of keys, in JSON or separated by commas/],
  [JSON.stringify([7]), /Entry 1 of KEYS must be a key or an object/],
  [JSON.stringify([{ key }]), /Entry 1 of KEYS needs a name/],
  [JSON.stringify([key, { name: 'shop' }]), /Entry 2 of KEYS needs either a key or a sha256/],
  [JSON.stringify([{ name: 'shop', key, sha256 }]), /needs either a key or a sha256/],
  [JSON.stringify([{ name: 'shop', sha256: key }]), /64 hexadecimal digits/],
  [
    JSON.stringify([{ name: 'shop', key: 'hunter2' }]),
    /has a key that is not valid: it must have at least 16/,
  ],
  [JSON.stringify([{ name: 'shop', key: 7 }]), /must be a string/],
  [JSON.stringify([{ name: 'shop', key, scopes: ['root'] }]), /scopes that are not among publish, read/],
  [JSON.stringify([{ name: 'shop', key, rooms: 'a' }]), /rooms that are not a list of strings/],
  [JSON.stringify([{ name: 'shop', key, types: [''] }]), /types that are not a list of strings/],
  [JSON.stringify([{ name: 'shop', key, room: ['a'] }]), /a field that does not exist/],
  [
    JSON.stringify([
      { name: 'shop', key },
      { name: 'shop', sha256 },
    ]),
    /Two entries of KEYS have the same name/,
  ],
])('the list %s is refused, and the message repeats no key', (text, message) => {
  expect(faultOf(text)).toMatch(message);
  expect(faultOf(text)).not.toContain('hunter2');
});
