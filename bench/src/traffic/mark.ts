// Writes into a message the moment at which it should have left, and its number. All processes of a run read one monotonic clock
// (CLOCK_MONOTONIC, nanoseconds since the machine started), so times of one can be compared with those of another.

/** The monotonic clock; exact to some nanoseconds for as long as the machine is up for less than 100 days. */
export function nowNs(): number {
  return Number(process.hrtime.bigint());
}

// About 450 bytes of payload text in all, as a chat message in the field has.
const filler = 'It works again since the restart, thank you for your patience! '.repeat(2);

/** Content of the message with this number that should leave at `intendedNs`. */
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

/** Calls `onMark` for every mark in the bytes, without parsing what is around it. */
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

/** The mark of a message's content; `undefined` when it has none. */
export function markOf(content: string): SentMark | undefined {
  const match = /^~t=(\d+);n=(\d+);/.exec(content);
  return match === null ? undefined : { intendedNs: Number(match[1]), number: Number(match[2]) };
}
