// An entry, kept as undecoded bytes of a reply of Redis. Its fields are decoded when they are first used.
import { isUtf8 } from 'node:buffer';
import type { EntryId } from '../../entries/entry-id.js';
import type { Entry } from '../../port/entry-log.js';
import { ReplyCursor } from '../resp/reply-cursor.js';

/** Maximum number of field positions for which a name is cached. */
const MAX_NAMES = 16;

interface Name {
  readonly text: string;
  readonly bytes: Buffer;
}

/**
 * Cached field names, by position in an entry. Most entries have the same names, and comparing bytes is faster than decoding text.
 */
const names: (Name | undefined)[] = [];

const NO_BYTES = Buffer.alloc(0);

/** An entry that keeps the bytes of the whole reply in memory until its fields are read. Do not keep many unread entries. */
export class StoredEntry implements Entry {
  readonly id: EntryId;
  #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;
  readonly #isPlain: boolean;
  /** True when all names and values are UTF-8. `undefined` before the first check. */
  #isText: boolean | undefined;
  #fields: Readonly<Record<string, string>> | undefined;

  /**
   * Moves the cursor to the end of the entry.
   * @param isPlain true if all bytes of the reply are ASCII
   */
  constructor(cursor: ReplyCursor, isPlain: boolean) {
    this.id = cursor.text();
    this.#bytes = cursor.bytes;
    this.#isPlain = isPlain;
    this.#start = cursor.at;
    for (let left = cursor.number(); left > 0; left--) cursor.skip();
    this.#end = cursor.at;
  }

  /** The fields by name. If a name occurs more than once, its last value is used. */
  get fields(): Readonly<Record<string, string>> {
    if (this.#fields !== undefined) return this.#fields;
    this.#fields = this.#readFields();
    this.#isText = this.isUtf8 !== false;
    this.#bytes = NO_BYTES;
    return this.#fields;
  }

  get byteLength(): number {
    return this.#end - this.#start;
  }

  get isUtf8(): false | undefined {
    this.#isText ??= this.#isPlain || isUtf8(this.#bytes.subarray(this.#start, this.#end));
    return this.#isText ? undefined : false;
  }

  #readFields(): Record<string, string> {
    const cursor = new ReplyCursor(this.#bytes, this.#start);
    const count = cursor.number();
    const fields: Record<string, string> = {};
    for (let at = 0; at + 1 < count; at += 2) {
      const name = nameAt(cursor, at / 2);
      setField(fields, name, this.#isPlain ? cursor.plainText() : cursor.text());
    }
    return fields;
  }
}

function nameAt(cursor: ReplyCursor, index: number): string {
  const known = names[index];
  if (known !== undefined && cursor.skipIf(known.bytes)) return known.text;
  const text = cursor.text();
  if (index < MAX_NAMES && text.length < 64) names[index] = { text, bytes: Buffer.from(text) };
  return text;
}

/** Sets a field. For `__proto__`, a plain assignment would change the object's prototype instead. */
function setField(fields: Record<string, string>, name: string, value: string): void {
  if (name === '__proto__') {
    Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    fields[name] = value;
  }
}
