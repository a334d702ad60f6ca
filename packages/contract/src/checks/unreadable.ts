// Finds values that some SignalR clients cannot read, although JSON allows them. An event with such a value is refused. Otherwise
// the event would disconnect those clients, and would disconnect them again with every replay. All other values are accepted.
import { bracketsIn, hasLoneSurrogateEscape, nestingOfText } from '../text/json-scan.js';
import { actualTypeOf, type Issue, pointerStep } from './issue.js';

/**
 * Maximum nesting of objects and lists in `payload` and in `metadata`, including the outermost level. .NET clients read 64 levels,
 * and the message around the event needs some of these levels.
 * @beta
 */
export const MAX_NESTING = 59;

const NO_LONE_SURROGATES = 'text without lone surrogates';
const NOT_TOO_DEEP = `nested at most ${MAX_NESTING} levels deep`;

/** Maximum length of a path in an issue, in characters. A path consists of names that the producer chose, which may be long. */
const MAX_PATH_CHARS = 256;

type Fields = Readonly<Record<string, unknown>>;

/**
 * True for a value that every client can read:
 *
 * - It has at most {@link MAX_NESTING} levels. A value that contains itself has an unlimited number of levels.
 * - It has no own field named `__proto__`, because the MessagePack library of JavaScript clients refuses this name.
 * - It has no lone surrogate, because a lone surrogate has no UTF-8 form.
 * @beta
 */
export function isReadable(value: unknown): boolean {
  return isReadableWithin(value, MAX_NESTING);
}

function isReadableWithin(value: unknown, levels: number): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  if (Array.isArray(value)) return value.every((item) => isReadableWithin(item, levels - 1));
  for (const key in value) {
    if (key === '__proto__' || !key.isWellFormed()) return false;
    if (!isReadableWithin((value as Fields)[key], levels - 1)) return false; // The cast is safe: `key` is a field of `value`.
  }
  return true;
}

/**
 * Returns the first reason why a value is not readable, with its path. Returns `undefined` for a readable value.
 * @param path JSON Pointer to the value
 */
export function explainUnreadable(value: unknown, path: string): Issue | undefined {
  return explainWithin(value, path, MAX_NESTING);
}

/**
 * Returns the reason why some client cannot read a JSON text, although its parsed value is readable. Returns `undefined` for a
 * readable text. If a name is repeated, `JSON.parse` keeps only the last member, but a client's parser reads all of them.
 * @param path JSON Pointer to the value
 */
export function explainUnreadableText(text: string, path: string): Issue | undefined {
  if (hasLoneSurrogateEscape(text)) return issueAt(path, {}, 'wellFormed', NO_LONE_SURROGATES);
  if (bracketsIn(text, MAX_NESTING) <= MAX_NESTING || nestingOfText(text) <= MAX_NESTING) return undefined;
  return issueAt(path, {}, 'maxNesting', NOT_TOO_DEEP);
}

/**
 * Returns an issue for the first number that is not finite, because `JSON.stringify` writes such a number as null without an error.
 * Returns `undefined` if all numbers in the value are finite.
 * @param path JSON Pointer to the value, which must be readable
 */
export function explainNotFinite(value: unknown, path: string): Issue | undefined {
  if (typeof value === 'number')
    return Number.isFinite(value) ? undefined : issueAt(path, value, 'finite', 'a finite number');
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const issue = explainNotFinite(inner, `${path}/${pointerStep(key)}`);
    if (issue !== undefined) return issue;
  }
  return undefined;
}

function explainWithin(value: unknown, path: string, levels: number): Issue | undefined {
  if (typeof value === 'string' && !value.isWellFormed())
    return issueAt(path, value, 'wellFormed', NO_LONE_SURROGATES);
  if (typeof value !== 'object' || value === null) return undefined;
  if (levels === 0) return issueAt(path, value, 'maxNesting', NOT_TOO_DEEP);
  for (const [key, inner] of Object.entries(value)) {
    const innerPath = `${path}/${pointerStep(key)}`;
    const issue = explainName(key, innerPath, inner) ?? explainWithin(inner, innerPath, levels - 1);
    if (issue !== undefined) return issue;
  }
  return undefined;
}

function explainName(key: string, path: string, value: unknown): Issue | undefined {
  if (key === '__proto__') return issueAt(path, value, 'fieldName', 'a field not named __proto__');
  return key.isWellFormed()
    ? undefined
    : issueAt(path, value, 'fieldName', 'a field with a name without lone surrogates');
}

function issueAt(path: string, value: unknown, rule: string, expected: string): Issue {
  const wellFormed = path.toWellFormed();
  const isLong = wellFormed.length > MAX_PATH_CHARS;
  const shown = isLong ? `${wellFormed.slice(0, MAX_PATH_CHARS).toWellFormed()}…` : wellFormed;
  return { path: shown, rule, expected, actualType: actualTypeOf(value) };
}
