// Finds values that some SignalR clients cannot read, although JSON allows them. An event with such a value would disconnect those
// clients, and again with every replay, so it is refused. Every other value is accepted.
import { bracketsIn, hasLoneSurrogateEscape, nestingOfText } from '../text/json-scan.js';
import { actualTypeOf, type Issue, pointerStep } from './issue.js';

/**
 * Deepest nesting of objects and lists in `payload` and in `metadata`, the outermost included. .NET clients read 64 levels,
 * and the message around the event takes some of them.
 */
export const MAX_NESTING = 59;

const NO_LONE_SURROGATES = 'text without lone surrogates';
const NOT_TOO_DEEP = `nested at most ${MAX_NESTING} levels deep`;

/** Longest path that an issue names: it consists of names that the producer chose. */
const MAX_PATH_CHARS = 256;

type Fields = Readonly<Record<string, unknown>>;

/**
 * True for a value that every client can read: it has at most {@link MAX_NESTING} levels, no own field named `__proto__` (the
 * MessagePack library of JavaScript clients refuses it), and no lone surrogate (it has no UTF-8 form). A cycle is too deep.
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
    if (!isReadableWithin((value as Fields)[key], levels - 1)) return false; // The key was just read from it.
  }
  return true;
}

/**
 * The first reason why a value is not readable, with its path; `undefined` for a readable value.
 * @param path JSON Pointer to the value
 */
export function explainUnreadable(value: unknown, path: string): Issue | undefined {
  return explainWithin(value, path, MAX_NESTING);
}

/**
 * The reason why the text of a readable value is not readable: a client's parser also reads the members that a repeated name
 * hides from the value. `undefined` for a readable text.
 * @param path JSON Pointer to the value
 */
export function explainUnreadableText(text: string, path: string): Issue | undefined {
  if (hasLoneSurrogateEscape(text)) return issueAt(path, {}, 'wellFormed', NO_LONE_SURROGATES);
  if (bracketsIn(text, MAX_NESTING) <= MAX_NESTING || nestingOfText(text) <= MAX_NESTING) return undefined;
  return issueAt(path, {}, 'maxNesting', NOT_TOO_DEEP);
}

/**
 * The first number in a value that is not finite: `JSON.stringify` writes it as null without an error. `undefined` when there is none.
 * @param path JSON Pointer to the value, which is readable
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
