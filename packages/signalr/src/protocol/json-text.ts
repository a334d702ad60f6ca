/* A value that is already JSON text. It lets a relayed payload pass without being written again. */
import { SignalRError } from '../errors.js';
import { MAXIMUM_DEPTH } from './maximum-depth.js';

/** How deep the checked texts are nested. A private field would make the types of two copies of this package incompatible. */
const depths = new WeakMap<JsonText, number>();

/**
 * An argument or result, or a part of one, that is already JSON text. The JSON protocol copies the text into the message
 * unchanged. The MessagePack protocol writes the value of the text, with all digits of 64-bit integers.
 *
 * The text must be exactly one JSON value, nested at most 500 levels deep. The constructor checks this, and not a protocol, so that a
 * text reaches the clients of all protocols or is refused where it comes from.
 * @beta
 */
export class JsonText {
  readonly text: string;

  /**
   * @param options `isTrusted` leaves out the check, which costs as much as `JSON.parse`. Only for text that was checked before: any
   *   other text breaks the message for JSON clients, and cannot be sent to MessagePack clients
   * @throws SignalRError `invalid_json_text`
   */
  constructor(text: string, { isTrusted = false }: { readonly isTrusted?: boolean } = {}) {
    this.text = text;
    if (!isTrusted) depths.set(this, checkedDepth(text));
  }

  /** Returns the parsed value. `JSON.stringify` calls this method, because it cannot copy text into its output. */
  toJSON(): unknown {
    return JSON.parse(this.text);
  }

  /**
   * Does the same as the constructor.
   * @throws SignalRError `invalid_json_text`
   */
  static parse(text: string): JsonText {
    return new JsonText(text);
  }
}

/** Returns how deep a text is nested, or 0 for a trusted text. */
export function depthOfJsonText(value: JsonText): number {
  return depths.get(value) ?? 0;
}

/** Checks a text, and returns how deep it is nested. */
function checkedDepth(text: string): number {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new SignalRError('invalid_json_text', 'The text is not one valid JSON value.', { cause });
  }
  const depth = depthOf(text);
  if (depth > MAXIMUM_DEPTH)
    throw new SignalRError(
      'invalid_json_text',
      `The JSON text is nested ${depth} levels deep. At most ${MAXIMUM_DEPTH} are allowed.`,
    );
  return depth;
}

/** Returns the number of objects and lists around the innermost value of a valid JSON text. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x22:
        at = endOfString(text, at);
        break;
      case 0x5b:
      case 0x7b:
        depth += 1;
        if (depth > deepest) deepest = depth;
        break;
      case 0x5d:
      case 0x7d:
        depth -= 1;
    }
  }
  return deepest;
}

/** Returns the place of the quotation mark that ends a string. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (; text.charCodeAt(at) !== 0x22; at += 1) if (text.charCodeAt(at) === 0x5c) at += 1;
  return at;
}
