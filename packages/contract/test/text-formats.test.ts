// Tables of valid and invalid UUIDs, timestamps and room IDs.
import {
  broadcastRoomOf,
  compareTimestamps,
  EVERYBODY_ROOM,
  hasUtcOffset,
  isBroadcastRoom,
  isRoomId,
  isTimestamp,
  isUuid,
  isUuidV4,
  normalizeTimestamp,
  tenantOfBroadcastRoom,
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
  ['2026-01-16T24:00:00Z', true],
  ['2026-01-16T12:60:00Z', false],
  ['2026-01-16T12:00:61Z', false],
  ['2016-12-31T23:59:60Z', true],
  ['2016-12-31T23:59:60.5Z', true],
  ['2017-01-01T00:59:60+01:00', true],
  ['2016-12-31T18:59:60-05:00', true],
  ['2016-12-31T23:59:60+01:00', false],
  ['2016-12-30T23:59:60Z', false],
  ['2016-12-31T12:00:60Z', false],
  ['2026-01-16T12:00:00', true],
  ['2026-01-16 12:00:00Z', true],
  ['2026-01-16', false],
  ['12:00:00Z', false],
  ['2026-01-16T12:00Z', true],
  ['2026-01-16T12:00:00.Z', false],
  ['2026-01-16T12:00:00,5Z', true],
  ['2026-01-16T12:00:00+24:00', false],
  ['2026-01-16T12:00:00+01:60', false],
  ['2026-01-16T12:00:00+0100', true],
  ['2026-01-16T12:00:00+01', true],
  ['2026-1-16T12:00:00Z', false],
  ['+2026-01-16T12:00:00Z', false],
  ['2026-01-16T12:00:00Z\n', false],
  [' 2026-01-16T12:00:00Z', false],
  ['２０２６-01-16T12:00:00Z', false],
  ['', false],
])('isTimestamp(%j) returns %s', (text, expected) => {
  expect(isTimestamp(text)).toBe(expected);
});

test.each([
  // Forms that real programs write.
  ['2026-11-28T14:50:00+0000', '2026-11-28T14:50:00+00:00'],
  ['2026-11-28T14:50:00+00', '2026-11-28T14:50:00+00:00'],
  ['2026-11-28T14:50Z', '2026-11-28T14:50:00Z'],
  ['2026-11-28T14:50:00,123Z', '2026-11-28T14:50:00.123Z'],
  ['2026-11-28 14:50:00+00:00', '2026-11-28T14:50:00+00:00'],
  ['2026-11-28T14:50:00.123456', '2026-11-28T14:50:00.123456Z'],
  ['2026-11-28 14:50:00', '2026-11-28T14:50:00Z'],
  // The basic format.
  ['20261128T145000Z', '2026-11-28T14:50:00Z'],
  ['20261128T145000.5+0530', '2026-11-28T14:50:00.5+05:30'],
  ['20261128T1450', '2026-11-28T14:50:00Z'],
  ['20261128T14-05', '2026-11-28T14:00:00-05:00'],
  // Ordinal and week dates.
  ['2026-332T14:50:00Z', '2026-11-28T14:50:00Z'],
  ['2026332T145000Z', '2026-11-28T14:50:00Z'],
  ['2024-366T00:00Z', '2024-12-31T00:00:00Z'],
  ['2026-W48-6T14:50:00Z', '2026-11-28T14:50:00Z'],
  ['2026W486T145000Z', '2026-11-28T14:50:00Z'],
  ['2020-W53-7T00:00Z', '2021-01-03T00:00:00Z'],
  ['2009-W01-1T00:00Z', '2008-12-29T00:00:00Z'],
  ['2026-W01-1T00:00Z', '2025-12-29T00:00:00Z'],
  // Hour 24, hours without minutes, fractions of the last part.
  ['2026-11-28T24:00:00Z', '2026-11-29T00:00:00Z'],
  ['2026-12-31T24:00+01:00', '2027-01-01T00:00:00+01:00'],
  ['2024-02-28T24Z', '2024-02-29T00:00:00Z'],
  ['2026-11-28T14Z', '2026-11-28T14:00:00Z'],
  ['2026-11-28T14:50.5Z', '2026-11-28T14:50:30Z'],
  ['2026-11-28T14:50,001Z', '2026-11-28T14:50:00.06Z'],
  ['2026-11-28T14,75Z', '2026-11-28T14:45:00Z'],
  ['2026-11-28T14.0001Z', '2026-11-28T14:00:00.36Z'],
  ['2026-11-28t14:50:00z', '2026-11-28t14:50:00z'],
  ['2026-11-28T14:50:00\u22120530', '2026-11-28T14:50:00-05:30'],
  ['2016-12-31 23:59:60', '2016-12-31T23:59:60Z'],
])('the normal form of the timestamp %s is %s', (text, normal) => {
  expect(normalizeTimestamp(text)).toBe(normal);
  expect(isTimestamp(text)).toBe(true);
  expect(normalizeTimestamp(normal)).toBe(normal);
});

test.each([
  '2026-11-28',
  '2026-11-28T',
  '14:50:00',
  '2026-11T14:50Z',
  '2026T14:50Z',
  '2026-W48T14:50Z',
  '20261128T14:50:00Z',
  '2026-11-28T145000Z',
  '2026-366T00:00Z',
  '2026-000T00:00Z',
  '2026-W54-1T00:00Z',
  '2026-W00-1T00:00Z',
  '2025-W53-1T00:00Z',
  '2026-W48-8T00:00Z',
  '2026-W48-0T00:00Z',
  '2026-11-28T24:00:01Z',
  '2026-11-28T24:00:00.1Z',
  '2026-11-28T25:00Z',
  '2026-11-28T14:60Z',
  '2026-11-28T14:50:00+5',
  '2026-11-28T14:50:00+05:',
  '2026-11-28T14:50:00+05:3',
  '2026-11-28T14:50:00+24',
  '2026-11-28T14:50:00 Z',
  '2026-11-28  14:50:00Z',
  '2026-11-28T14:50:00Z[Europe/Paris]',
  '2026-02-29T14:50',
  '9999-12-31T24:00Z',
  '+012026-11-28T14:50Z',
  'Sat, 28 Nov 2026 14:50:00 GMT',
  '1795877400',
  `2026-11-28T14:50:00.${'1'.repeat(120)}Z`,
])('the text %s is not an ISO 8601 date-time', (text) => {
  expect(normalizeTimestamp(text)).toBeUndefined();
});

test.each([
  ['2026-11-28T14:50:00Z', true],
  ['2026-11-28t14:50:00z', true],
  ['2026-11-28T14:50:00+00', true],
  ['2026-11-28 14:50-0530', true],
  ['20261128T1450+05:30', true],
  ['2026-11-28T14:50:00', false],
  ['2026-11-28T14:50:00.123456', false],
  ['2026-W48-6T14:50', false],
  ['20261128T145000', false],
])('hasUtcOffset(%j) returns %s', (text, expected) => {
  expect(hasUtcOffset(text)).toBe(expected);
});

test('all ISO 8601 forms of one instant are normalised to the same instant', () => {
  const range = {
    min: new Date('0001-01-02T00:00:00Z'),
    max: new Date('9998-12-30T00:00:00Z'),
    noInvalidDate: true,
  };
  const offset = fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 });
  fc.assert(
    fc.property(fc.date(range), offset, (instant, minutes) => {
      const local = new Date(instant.getTime() + minutes * 60_000).toISOString().slice(0, -1);
      const [date = '', time = ''] = local.split('T');
      const year = date.slice(0, 4);
      const dayOfYear = (Date.parse(`${date}T00:00Z`) - Date.parse(`${year}-01-01T00:00Z`)) / 86_400_000 + 1;
      const ordinal = `${year}-${String(dayOfYear).padStart(3, '0')}`;
      const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
      const [hh, mm] = [String(hours).padStart(2, '0'), String(rest).padStart(2, '0')];
      const sign = minutes < 0 ? '-' : '+';
      const forms = [
        `${date}T${time}${sign}${hh}:${mm}`,
        `${date} ${time.replace('.', ',')}${sign}${hh}${mm}`,
        `${date.replaceAll('-', '')}T${time.replaceAll(':', '')}${sign}${hh}${mm}`,
        `${ordinal}T${time}${sign}${hh}:${mm}`,
        `${ordinal.replace('-', '')}T${time.replaceAll(':', '')}${sign}${hh}:${mm}`,
      ];
      for (const form of forms) {
        expect([form, timestampToMs(normalizeTimestamp(form) ?? '')]).toEqual([form, instant.getTime()]);
      }
    }),
  );
});

test('the output of toISOString is a valid timestamp of the same instant', () => {
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
])('comparing the timestamps %s and %s gives a result with the sign %d', (left, right, sign) => {
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
])('the text %j gives %s for isUuid and %s for isUuidV4', (text, isAny, isVersion4) => {
  expect(isUuid(text)).toBe(isAny);
  expect(isUuidV4(text)).toBe(isVersion4);
});

test('a text is not a UUID if one of its characters is invalid', () => {
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
  ['a{b', true],
  ['a}b', true],
  ['{}', true],
  [' ', true],
  ['*', true],
  ['*:acme', true],
  ['a*', true],
  ['a\nb', false],
  ['a\0', false],
  ['a\u007f', false],
  ['a\u0085', false],
  ['a\ud800', false],
  ['\udc00a', false],
])('isRoomId(%j) returns %s', (text, expected) => {
  expect(isRoomId(text)).toBe(expected);
});

test('the rooms of everybody are `*`, and `*:` with the name of a tenant', () => {
  expect(broadcastRoomOf('acme')).toBe('*:acme');
  for (const [room, isBroadcast, tenant] of [
    [EVERYBODY_ROOM, true, undefined],
    ['*:acme', true, 'acme'],
    ['*:a:b', true, 'a:b'],
    ['**', false, undefined],
    ['*acme', false, undefined],
    ['room', false, undefined],
  ] as const) {
    expect([room, isBroadcastRoom(room)]).toEqual([room, isBroadcast]);
    expect([room, tenantOfBroadcastRoom(room)]).toEqual([room, tenant]);
  }
});
