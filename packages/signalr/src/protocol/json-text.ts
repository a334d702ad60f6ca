/* A value that is already JSON text. It lets a relayed payload pass without being parsed and written again. */
import { SignalRError } from '../errors.js';

/**
 * An argument or result, or a part of one, that is already JSON text. The JSON protocol copies the text into the message
 * unchanged. The MessagePack protocol writes the value of the text, with all digits of 64-bit integers.
 *
 * The text must be exactly one JSON value without the byte 0x1E. Valid JSON never contains that byte unescaped. The
 * constructor does not check the text, because checking costs as much as parsing. Use {@link JsonText.parse} for text from
 * outside: text that is not JSON breaks the message for all of its receivers.
 * @beta
 */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Returns the parsed value. `JSON.stringify` calls this method, because it cannot copy text into its output. */
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
