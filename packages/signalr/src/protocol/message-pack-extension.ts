/*
 * Extension values of MessagePack. Timestamps (type -1) become dates, as in .NET. All other types are not interpreted.
 */
import { malformed } from './json-fields.js';

/** The type number of the timestamp extension. */
export const TIMESTAMP_TYPE = -1;

/** A value of an extension type that this package does not interpret. */
export class MessagePackExtension {
  /** The type number, from -128 to 127. Numbers below 0 belong to MessagePack itself. */
  readonly type: number;
  readonly data: Uint8Array;

  constructor(type: number, data: Uint8Array) {
    this.type = type;
    this.data = data;
  }
}

const NANOSECONDS_PER_MS = 1_000_000;

/**
 * A date with nanoseconds, as .NET's `DateTime` may have. A `Date` cannot represent them. It is written exactly as it was
 * read.
 */
export class PreciseDate extends Date {
  /** Nanoseconds beyond the whole millisecond of the date, from 1 to 999,999. */
  readonly nanoseconds: number;

  constructor(timeMs: number, nanoseconds: number) {
    super(timeMs);
    this.nanoseconds = nanoseconds;
  }
}
const TWO_TO_32 = 0x1_0000_0000;

/** Reads a timestamp. The result is a {@link PreciseDate} if the timestamp has a part below a millisecond. */
export function readTimestamp(bytes: Buffer): Date {
  if (bytes.length === 4) return dateOf(bytes.readUInt32BE(), 0);
  if (bytes.length === 8) {
    const high = bytes.readUInt32BE(0);
    return dateOf((high & 0x3) * TWO_TO_32 + bytes.readUInt32BE(4), high >>> 2);
  }
  if (bytes.length === 12) return dateOf(Number(bytes.readBigInt64BE(4)), bytes.readUInt32BE(0));
  throw malformed('A timestamp has an invalid length.');
}

function dateOf(seconds: number, nanoseconds: number): Date {
  const timeMs = seconds * 1000 + Math.floor(nanoseconds / NANOSECONDS_PER_MS);
  const rest = nanoseconds % NANOSECONDS_PER_MS;
  const date = rest === 0 ? new Date(timeMs) : new PreciseDate(timeMs, rest);
  if (Number.isNaN(date.getTime())) throw malformed('A timestamp is out of range.');
  return date;
}

/** Writes a timestamp in the shortest form that holds the time, as in .NET. */
export function writeTimestamp(date: Date): Buffer {
  const timeMs = date.getTime();
  const seconds = Math.floor(timeMs / 1000);
  const rest = date instanceof PreciseDate ? date.nanoseconds : 0;
  const nanoseconds = (timeMs - seconds * 1000) * NANOSECONDS_PER_MS + rest;
  if (seconds >= 0 && seconds < TWO_TO_32 && nanoseconds === 0) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(seconds);
    return bytes;
  }
  if (seconds >= 0 && seconds < 4 * TWO_TO_32) {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(nanoseconds * 4 + Math.floor(seconds / TWO_TO_32), 0);
    bytes.writeUInt32BE(seconds % TWO_TO_32, 4);
    return bytes;
  }
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(nanoseconds, 0);
  bytes.writeBigInt64BE(BigInt(seconds), 4);
  return bytes;
}
