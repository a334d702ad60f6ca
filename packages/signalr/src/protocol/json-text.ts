/*
 * Text that is JSON already, so that a relayed payload is not parsed and written again.
 */
import { SignalRError } from '../errors.js';

/**
 * An argument or result that is JSON text already, or a part of one. The JSON protocol splices it verbatim into the message;
 * MessagePack writes the value that it stands for, integers with all digits of their 64 bits.
 *
 * The text must be exactly one JSON value without the byte 0x1E; valid JSON never holds that byte unescaped.
 * The constructor trusts its caller, because checking costs as much as parsing. Use {@link JsonText.parse}
 * for text from outside: text that is not JSON breaks the message for every client that receives it.
 */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** For whoever else writes it with `JSON.stringify`, which cannot splice text. */
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
