// UUIDs, timestamps and room ids as tables of text.
import {
  compareTimestamps,
  isRoomId,
  isTimestamp,
  isUuid,
  isUuidV4,
  timestampToMs,
} from '@millrace/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';

test.each([
  ['2026-01-16T12:00:00Z', true],
  ['2026-01-16t12:00:00z', true],
  ['2026-01-16T12:00:00.1Z', true],
  ['2026-01-16T12:00:00.123456789012345678901234567890+05:30', true],
  ['2026-01-16T12:00:00-00:00', true],
  ['2026-01-16T12:00:00+23:59', true],
  ['0000-02-29T00:00:00Z', true],
  ['9999-12-31T23:59:59Z', true],
  ['2024-02-29T00:00:00Z', true],
  ['2000-02-29T00:00:00Z', true],
  ['2023-02-29T00:00:00Z', false],
  ['1900-02-29T00:00:00Z', false],
  ['2026-02-30T00:00:00Z', false],
  ['2026-04-31T00:00:00Z', false],
  ['2026-01-32T00:00:00Z', false],
  ['2026-01-00T00:00:00Z', false],
  ['2026-00-10T00:00:00Z', false],
  ['2026-13-10T00:00:00Z', false],
  ['2026-01-16T24:00:00Z', false],
  ['2026-01-16T12:60:00Z', false],
  ['2026-01-16T12:00:61Z', false],
  ['2016-12-31T23:59:60Z', true],
  ['2016-12-31T23:59:60.5Z', true],
  ['2017-01-01T00:59:60+01:00', true],
  ['2016-12-31T18:59:60-05:00', true],
  ['2016-12-31T23:59:60+01:00', false],
  ['2016-12-30T23:59:60Z', false],
  ['2016-12-31T12:00:60Z', false],
  ['2026-01-16T12:00:00', false],
  ['2026-01-16 12:00:00Z', false],
  ['2026-01-16', false],
  ['12:00:00Z', false],
  ['2026-01-16T12:00Z', false],
  ['2026-01-16T12:00:00.Z', false],
  ['2026-01-16T12:00:00,5Z', false],
  ['2026-01-16T12:00:00+24:00', false],
  ['2026-01-16T12:00:00+01:60', false],
  ['2026-01-16T12:00:00+0100', false],
  ['2026-01-16T12:00:00+01', false],
  ['2026-1-16T12:00:00Z', false],
  ['+2026-01-16T12:00:00Z', false],
  ['2026-01-16T12:00:00Z\n', false],
  [' 2026-01-16T12:00:00Z', false],
  ['２０２６-01-16T12:00:00Z', false],
  ['', false],
])('timestamp %j: %s', (text, expected) => {
  expect(isTimestamp(text)).toBe(expected);
});

test('every instant that JavaScript writes is a timestamp, and means the same instant', () => {
  const years = {
    min: new Date('0000-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  };
  fc.assert(
    fc.property(fc.date(years), fc.date(years), (left, right) => {
      const [a, b] = [left.toISOString(), right.toISOString()];
      expect(isTimestamp(a)).toBe(true);
      expect(timestampToMs(a)).toBe(left.getTime());
      expect(Math.sign(compareTimestamps(a, b))).toBe(Math.sign(left.getTime() - right.getTime()));
    }),
  );
});

test.each([
  ['2026-01-16T12:00:00Z', '2026-01-16T13:00:00+01:00', 0],
  ['2026-01-16T12:00:00.1Z', '2026-01-16T12:00:00.100Z', 0],
  ['2026-01-16T12:00:00.0000000001Z', '2026-01-16T12:00:00Z', 1],
  ['2026-01-16T12:00:00.09Z', '2026-01-16T12:00:00.1Z', -1],
  ['2016-12-31T23:59:59.9Z', '2016-12-31T23:59:60Z', -1],
  ['2026-01-16T12:00:00-01:30', '2026-01-16T13:00:00Z', 1],
])('%s against %s: %d', (left, right, sign) => {
  expect(Math.sign(compareTimestamps(left, right))).toBe(sign);
  expect(Math.sign(compareTimestamps(right, left))).toBe(sign === 0 ? 0 : -sign);
});

test.each([
  ['f47ac10b-58cc-4372-a567-0e02b2c3d479', true, true],
  ['F47AC10B-58CC-4372-B567-0E02B2C3D479', true, true],
  ['c232ab00-9414-11ec-b3c8-9f6bdeced846', true, false],
  ['019535d9-3df7-79fb-b466-fa907fa17f9e', true, false],
  ['f47ac10b-58cc-4372-c567-0e02b2c3d479', true, false],
  ['00000000-0000-0000-0000-000000000000', true, false],
  ['f47ac10b58cc4372a5670e02b2c3d479', false, false],
  ['{f47ac10b-58cc-4372-a567-0e02b2c3d479}', false, false],
  ['urn:uuid:f47ac10b-58cc-4372-a567-0e02b2c3d479', false, false],
  ['g47ac10b-58cc-4372-a567-0e02b2c3d479', false, false],
  ['f47ac10b-58cc-4372-a567-0e02b2c3d47', false, false],
  ['', false, false],
])('UUID %j: %s, of version 4: %s', (text, isAny, isVersion4) => {
  expect(isUuid(text)).toBe(isAny);
  expect(isUuidV4(text)).toBe(isVersion4);
});

test('a UUID with any one character changed to a character that does not belong there is none', () => {
  const good = 'f47ac10b-58cc-4372-a567-0e02b2c3d479';
  const bad = fc.constantFrom('g', 'G', '@', '`', '/', ':', ' ', '\0', 'é', 'ı', '👋', '\ud800', 'Ā');
  fc.assert(
    fc.property(fc.nat(35), bad, (at, character) => {
      expect(isUuid(good.slice(0, at) + character + good.slice(at + 1))).toBe(false);
    }),
  );
});

test.each([
  ['a', true],
  ['user:7c9e6679-7425-40de-944b-e07fc1f90ae7', true],
  ['Raum Süd 世界 👋', true],
  ['a'.repeat(256), true],
  ['a'.repeat(257), false],
  ['ü'.repeat(128), true],
  [`a${'ü'.repeat(128)}`, false],
  ['世'.repeat(85), true],
  ['世'.repeat(86), false],
  ['👋'.repeat(64), true],
  [`${'👋'.repeat(64)}a`, false],
  ['', false],
  ['a{b', false],
  ['a}b', false],
  ['a\nb', false],
  ['a\0', false],
  ['a\u007f', false],
  ['a\u0085', false],
  ['a\ud800', false],
  ['\udc00a', false],
])('room id %j: %s', (text, expected) => {
  expect(isRoomId(text)).toBe(expected);
});
