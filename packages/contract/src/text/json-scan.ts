// Finds members and items in JSON text, so that they can be passed on exactly as they were written. The functions require a text
// that `JSON.parse` has accepted. They parse no values. Pure.

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const BLANK = 0x20;

/**
 * Finds the members with the given names, and returns a map from each name to the JSON text of its value. Escapes in names are resolved:
 * `"pay\u006coad"` is `payload`. If a name is repeated, the last member counts, as in `JSON.parse`.
 *
 * @param text valid JSON text of one object
 * @param names left out for all members, in their order
 * @beta
 */
export function memberTexts(text: string, names?: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let at = skipBlanks(text, skipBlanks(text, 0) + 1);
  while (at < text.length && text.charCodeAt(at) !== CLOSE_OBJECT) {
    const nameEnd = endOfString(text, at);
    const start = skipBlanks(text, skipBlanks(text, nameEnd) + 1); // after the colon
    const end = endOfValue(text, start);
    const name = nameOf(text, at, nameEnd);
    if (names === undefined || names.includes(name)) found.set(name, text.slice(start, end));
    at = skipComma(text, end);
  }
  return found;
}

/**
 * Returns the texts of a list's items, in their order.
 *
 * @param text valid JSON text of one list
 * @beta
 */
export function itemTexts(text: string): readonly string[] {
  const items: string[] = [];
  let at = skipBlanks(text, skipBlanks(text, 0) + 1);
  while (at < text.length && text.charCodeAt(at) !== CLOSE_LIST) {
    const end = endOfValue(text, at);
    items.push(text.slice(at, end));
    at = skipComma(text, end);
  }
  return items;
}

/**
 * Returns the maximum nesting of objects and lists in valid JSON text, including the outermost level. If a name is repeated, all
 * its members count.
 */
export function nestingOfText(text: string): number {
  let [depth, deepest] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at) - 1;
    else if (code === OPEN_OBJECT || code === OPEN_LIST) deepest = Math.max(deepest, ++depth);
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth--;
  }
  return deepest;
}

/**
 * Returns the number of opening brackets in a text, including those inside strings. This number is an upper
 * limit of the text's levels of nesting. Stops counting at `limit + 1`.
 */
export function bracketsIn(text: string, limit: number): number {
  let count = 0;
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at >= 0 && count <= limit; at = text.indexOf(bracket, at + 1))
      count += 1;
  }
  return count;
}

/** True when well-formed JSON text contains a lone surrogate as an escape, such as `\ud83d`. */
export function hasLoneSurrogateEscape(text: string): boolean {
  if (!text.includes('\\u')) return false;
  for (const [escape, high, low] of text.matchAll(ESCAPES))
    if (low !== undefined || (high !== undefined && escape.length < PAIR_CHARS)) return true;
  return false;
}

/** Matches every escape as a whole: a surrogate pair, a lone high surrogate, a lone low surrogate, or any other escape. */
const ESCAPES =
  /\\(?:(u[dD][89abAB][\da-fA-F]{2})(?:\\u[dD][c-fC-F][\da-fA-F]{2})?|(u[dD][c-fC-F][\da-fA-F]{2})|.)/gs;
const PAIR_CHARS = '\\ud83d\\udc69'.length;

function skipBlanks(text: string, at: number): number {
  let next = at;
  // In valid JSON text, the only characters outside strings with a code up to that of the blank are the four kinds of white
  // space.
  while (text.charCodeAt(next) <= BLANK) next++;
  return next;
}

function skipComma(text: string, at: number): number {
  const next = skipBlanks(text, at);
  return text.charCodeAt(next) === COMMA ? skipBlanks(text, next + 1) : next;
}

/** Returns the index after the closing quote of the string that begins at `at`. */
function endOfString(text: string, at: number): number {
  for (let end = at; ; ) {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
    if (!isEscaped(text, end)) return end + 1;
  }
}

function isEscaped(text: string, at: number): boolean {
  let start = at;
  while (text.charCodeAt(start - 1) === BACKSLASH) start--;
  return (at - start) % 2 === 1;
}

/** Returns the index after the value that begins at `at`. */
function endOfValue(text: string, at: number): number {
  let depth = 0;
  let next = at;
  while (next < text.length) {
    const code = text.charCodeAt(next);
    if (code === QUOTE) next = endOfString(text, next);
    else if (code === OPEN_OBJECT || code === OPEN_LIST) [depth, next] = [depth + 1, next + 1];
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) [depth, next] = [depth - 1, next + 1];
    else next = depth === 0 ? endOfWord(text, next) : next + 1;
    if (depth === 0) return next;
  }
  return next;
}

/** Returns the index after a number, `true`, `false` or `null`. */
function endOfWord(text: string, at: number): number {
  let next = at;
  while (next < text.length && !isWordEnd(text.charCodeAt(next))) next++;
  return next;
}

function isWordEnd(code: number): boolean {
  return code <= BLANK || code === COMMA || code === CLOSE_LIST || code === CLOSE_OBJECT;
}

function nameOf(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  // A name without an escape needs no parsing.
  return raw.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : raw; // a string token
}
