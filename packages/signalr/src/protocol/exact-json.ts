/*
 * Reads JSON text for protocols with 64-bit integers. Integers keep all their digits.
 */
import { SignalRError } from '../errors.js';
import { MAXIMUM_DEPTH } from './maximum-depth.js';

/** The value of JSON text. Objects are maps if the text may contain a bigint, otherwise plain objects. Both mean the same. */
export type ExactJson =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly ExactJson[]
  | ReadonlyMap<string, ExactJson>
  | { readonly [name: string]: ExactJson };

/** Finds 16 digits in a row. A shorter integer is exact as a number. Therefore most texts need only `JSON.parse`. */
const MANY_DIGITS = /\d{16}/;
const INTEGER = /^-?\d{16,20}$/;
/** A number, or `true`, `false` or `null`, in valid JSON text. */
const WORD = /[^\s,\]}]+/y;
const TOKEN_START = /\S/g;

/**
 * Reads one JSON value. An integer of up to 64 bits becomes a bigint if a number cannot represent it exactly. Everything else
 * is read as by `JSON.parse`.
 * @throws SyntaxError for text that is not JSON
 * @throws SignalRError `unserializable` for text that is nested too deep
 */
export function parseExactJson(text: string): ExactJson {
  // `JSON.parse` checks that the text is valid. `ExactReader` works only with valid text.
  const value = JSON.parse(text) as ExactJson; // JSON.parse returns no other types
  return MANY_DIGITS.test(text) ? new ExactReader(text).read(0) : value;
}

/**
 * Reads one JSON value of a client, as plain objects and lists. An integer of any size becomes a bigint if a number cannot
 * represent it exactly. Everything else is read as by `JSON.parse`.
 * @throws SyntaxError for text that is not JSON; SignalRError `unserializable` for text with such integers that is nested too
 *   deep
 */
export function parseWithBigints(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return MANY_DIGITS.test(text) ? withPlainObjects(new ExactReader(text, integerOfAnySize).read(0)) : value;
}

/**
 * Converts maps to plain objects. `Object.fromEntries` creates own properties, even for the name `__proto__`,
 * as `JSON.parse` does.
 */
function withPlainObjects(value: ExactJson): unknown {
  if (value instanceof Map)
    return Object.fromEntries(Array.from(value, ([name, field]) => [name, withPlainObjects(field)]));
  return Array.isArray(value) ? value.map(withPlainObjects) : value;
}

/** A cursor over valid JSON text. */
class ExactReader {
  readonly #text: string;
  #at = 0;

  readonly #valueOf: (word: string) => ExactJson;

  constructor(text: string, valueOf = valueOfWord) {
    this.#text = text;
    this.#valueOf = valueOf;
  }

  read(depth: number): ExactJson {
    if (depth > MAXIMUM_DEPTH) throw new SignalRError('unserializable', 'The JSON text is nested too deep.');
    switch (this.#peek()) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#list(depth);
      case '"':
        return this.#string();
      default:
        return this.#valueOf(this.#word());
    }
  }

  #object(depth: number): ExactJson {
    const members = new Map<string, ExactJson>();
    for (this.#at += 1; this.#peek() !== '}'; ) {
      if (this.#peek() === ',') this.#at += 1;
      this.#peek();
      const name = this.#string();
      this.#peek();
      this.#at += 1; // skips the colon
      // If a name is repeated, its last value counts, as in `JSON.parse`.
      members.set(name, this.read(depth + 1));
    }
    this.#at += 1;
    return members;
  }

  #list(depth: number): ExactJson {
    const items: ExactJson[] = [];
    for (this.#at += 1; this.#peek() !== ']'; ) {
      if (this.#peek() === ',') this.#at += 1;
      items.push(this.read(depth + 1));
    }
    this.#at += 1;
    return items;
  }

  #string(): string {
    const start = this.#at;
    let end = start;
    do end = this.#text.indexOf('"', end + 1);
    while (isEscaped(this.#text, end));
    this.#at = end + 1;
    return JSON.parse(this.#text.slice(start, end + 1)) as string; // the slice is a string token
  }

  #word(): string {
    WORD.lastIndex = this.#at;
    const word = WORD.exec(this.#text)?.[0] ?? '';
    this.#at += word.length;
    return word;
  }

  /** Advances to the next token and returns its first character. */
  #peek(): string {
    TOKEN_START.lastIndex = this.#at;
    if (TOKEN_START.test(this.#text)) this.#at = TOKEN_START.lastIndex - 1;
    return this.#text.charAt(this.#at);
  }
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

function valueOfWord(word: string): ExactJson {
  const value = JSON.parse(word) as ExactJson; // a number, true, false or null
  if (!INTEGER.test(word) || Number.isSafeInteger(value)) return value;
  const integer = BigInt(word);
  const isHeld = BigInt.asIntN(64, integer) === integer || BigInt.asUintN(64, integer) === integer;
  return isHeld ? integer : value;
}

/**
 * An integer becomes a bigint if a number would have other digits. Integers of JavaScript clients remain numbers, because
 * those clients write the digits of a number. A number with a fraction or an exponent remains a number.
 */
function integerOfAnySize(word: string): ExactJson {
  const value = JSON.parse(word) as number | boolean | null;
  return /^-?\d{16,}$/.test(word) && String(value) !== word ? BigInt(word) : value;
}
