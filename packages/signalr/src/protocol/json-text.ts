/*
 * Text that already is JSON, so that a relayed payload is not parsed and written again.
 */
import { SignalRError } from '../errors.js';

/**
 * An argument or result that already is JSON text, or a part of one. The JSON protocol inserts it verbatim into the message;
 * MessagePack writes its value, and keeps all digits of 64-bit integers.
 *
 * The text must be exactly one JSON value without the byte 0x1E; valid JSON never holds that byte unescaped.
 * The constructor trusts its caller, because checking costs as much as parsing. Use {@link JsonText.parse} for text from outside: text
 * that is not JSON breaks the message for every client that receives it.
 */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** For `JSON.stringify`, which cannot insert text verbatim. */
  toJSON(): unknown {
    return JSON.parse(this.text);
  }

  /**
   * Checks that the text is one JSON value.
   * @throws SignalRError `invalid_json_text`.
   */
  static parse(text: string): JsonText {
    try {
      JSON.parse(text);
    } catch (cause) {
      throw new SignalRError('invalid_json_text', 'The text is not one valid JSON value.', { cause });
    }
    return new JsonText(text);
  }
}
