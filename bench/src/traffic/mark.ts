// Writes a mark into a message: the message's number and its intended send time. All processes of a run read the same
// monotonic clock (CLOCK_MONOTONIC, nanoseconds since the machine started), so their times can be compared.

/**
 * Returns the time of the monotonic clock. The result is exact to some nanoseconds if the machine started
 * less than 100 days ago.
 */
export function nowNs(): number {
  return Number(process.hrtime.bigint());
}

// This text makes a payload about 450 bytes long, like a chat message in production.
const filler = 'It works again since the restart, thank you for your patience! '.repeat(2);

/** Returns the content of the message with this number and this intended send time. */
export function contentOf(intendedNs: number | bigint, number: number): string {
  return `~t=${intendedNs};n=${number};${filler}`;
}

/** The mark in a message. */
export interface SentMark {
  readonly intendedNs: number;
  readonly number: number;
}

const begin = Buffer.from('~t=');
const digitZero = 0x30;
const semicolon = 0x3b;

/** Calls `onMark` for every mark in the bytes. Does not parse the rest of the message. */
export function readMarks(bytes: Buffer, onMark: (intendedNs: number, number: number) => void): void {
  for (let at = bytes.indexOf(begin); at !== -1; at = bytes.indexOf(begin, at)) {
    at += begin.length;
    let intendedNs = 0;
    let digit = 0;
    for (; (digit = bytes[at] ?? semicolon) !== semicolon; at += 1)
      intendedNs = intendedNs * 10 + digit - digitZero;
    // Skips `;n=`.
    at += 3;
    let number = 0;
    for (; (digit = bytes[at] ?? semicolon) !== semicolon; at += 1) number = number * 10 + digit - digitZero;
    onMark(intendedNs, number);
  }
}

/** Returns the mark in a message's content, or `undefined` if there is none. */
export function markOf(content: string): SentMark | undefined {
  const match = /^~t=(\d+);n=(\d+);/.exec(content);
  return match === null ? undefined : { intendedNs: Number(match[1]), number: Number(match[2]) };
}
