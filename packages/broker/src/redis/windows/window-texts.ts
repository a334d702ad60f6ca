// Writes and reads the texts of inputs and endings in a window; see `scripts/windows.ts`. Pure.
import { isEntryId } from '../../entries/entry-id.js';
import type { WaitedEnding, WaitedInput, WindowEnding } from '../../port/windows.js';

/** Returns the ending as JSON. The scripts add the IDs `id` and `at` to it. */
export function endingText({ key, timestamp }: WindowEnding): string {
  return JSON.stringify({ key, timestamp });
}

/**
 * Reads the inputs of a claim, one per line. They are fields of a hash, which has no order, so they are sorted by the number
 * at the beginning of each line.
 */
export function readInputs(text: string): WaitedInput[] {
  const numbered = lines(text).map((line) => [Number.parseInt(line, 10), readInput(line)] as const);
  return numbered.sort(([a], [b]) => a - b).map(([, input]) => input);
}

function readInput(line: string): WaitedInput {
  const text = line.slice(line.indexOf(' ') + 1);
  const [, ms, sequence] = /^\d+\.(\d+)(\d{20})/.exec(line) ?? [];
  const asOf = `${ms}-${sequence?.replace(/^0+(?=\d)/, '')}`;
  return isEntryId(asOf) ? { text, asOf } : { text };
}

/**
 * Reads the endings of a claim, one per line. Leaves out endings of an older build, because they do not record which inputs
 * came before them.
 */
export function readEndings(text: string): WaitedEnding[] {
  return lines(text).flatMap((line) => {
    const { key, id, at } = parseObject(line);
    return typeof key === 'string' && isEntryId(id) && isEntryId(at) ? [{ key, id, at }] : [];
  });
}

function lines(text: string): string[] {
  return text === '' ? [] : text.split('\n');
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    // Every JSON value except `null` has readable properties.
    return (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
  } catch {
    // The text is not JSON, so no publisher wrote it.
    return {};
  }
}
