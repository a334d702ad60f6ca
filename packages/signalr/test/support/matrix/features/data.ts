/*
 * Features: values that arrive unchanged.
 */
import { same } from '../check.js';
import type { Lab } from '../lab.js';

const DATE = new Date('2026-01-16T10:20:30.123Z');
const MEGABYTE = 1_048_576;

export async function values(lab: Lab): Promise<void> {
  const { connection } = await lab.connect();
  const list = [0, 1, -1, 1.5, -1e300, 255, 65_536, 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1), true, false, null];
  const text = 'grüße 👋 \u001e \u0000 \n \u2028 "\\';
  const value = { text, list, empty: [{}, [], ''], deep: { er: [{ still: [[text]] }] } };
  same(await connection.invoke('echo', value), value);
  same(await connection.invoke('echo', null), null);
  const long = Array.from({ length: 70_000 }, (_, index) => index % 3);
  same(await connection.invoke('echo', long), long, 'a long array');
}

export async function bytesAndDates(lab: Lab): Promise<void> {
  const client = await lab.connect();
  const bytes = new Uint8Array([0, 1, 127, 128, 255]);
  const isBinary = lab.lane.protocol === 'messagepack';
  const expected = isBinary
    ? { bytes, date: DATE, none: null }
    : { bytes: 'AAF/gP8=', date: DATE.toISOString(), none: null };
  same(await client.connection.invoke('bytesAndDates'), expected, 'of the server');
  const own = isBinary ? { bytes, date: DATE } : { bytes: 'AAF/gP8=', date: DATE };
  same(
    await client.connection.invoke('describe', own),
    isBinary ? { bytes: 'Uint8Array 5', date: 'Date' } : { bytes: 'string 8', date: 'String' },
    'seen by the server',
  );
  await client.connection.invoke('tell', own);
  same(await client.next(), [isBinary ? own : { bytes: own.bytes, date: DATE.toISOString() }], 'told');
}

export async function large(lab: Lab): Promise<void> {
  const { connection } = await lab.connect();
  const text = 'ü23456789abcdef'.repeat(MEGABYTE / 16);
  same(await connection.invoke('echo', text), text, 'text');
  if (lab.lane.protocol === 'json') return;
  const bytes = new Uint8Array(MEGABYTE).map((_, index) => index % 251);
  const back = await connection.invoke<Uint8Array>('echo', bytes);
  same(
    back.length === bytes.length && back.every((byte, index) => byte === bytes[index]),
    true,
    'the same bytes',
  );
}
