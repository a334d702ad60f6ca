// Inputs and endings as they stand in a window, see `scripts/windows.ts`. Pure.
import { isEntryId } from '../../entries/entry-id.js';
import type { WaitedEnding, WaitedInput, WindowEnding } from '../../port/windows.js';

/** The ending as JSON, which the scripts complete with the IDs. */
export function endingText({ key, timestamp }: WindowEnding): string {
  return JSON.stringify({ key, timestamp });
}

/** The inputs of a claim, a line each. A hash has no order: each line begins with its number. */
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

/** The endings of a claim, a line each. An ending of an older build says nothing about inputs before it, and is left out. */
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
    // The properties of any JSON value are unknown values, and `null` has none.
    return (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
  } catch {
    // Text that is no JSON was not written by a publisher.
    return {};
  }
}
