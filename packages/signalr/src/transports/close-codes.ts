/*
 * The close codes of RFC 6455 that the server sends, each with its meaning. A close code tells why a WebSocket ends.
 * `CLOSE_RULES` has the reasons why a connection ends.
 */

/** One close code. @beta */
export interface CloseCode {
  readonly code: number;
  /** The situation in which the server sends the code, in words. */
  readonly meaning: string;
}

/**
 * All close codes. Except for `normal` and `raw_error`, each means that the client violated the WebSocket protocol or a
 * limit.
 * @beta
 */
export const CLOSE_CODES = {
  normal: {
    code: 1000,
    meaning: 'after every Close message, and in answer to every close frame of the client',
  },
  protocol_error: { code: 1002, meaning: 'the client sent a frame that RFC 6455 forbids' },
  invalid_text: { code: 1007, meaning: 'the client sent a text frame that is not UTF-8' },
  raw_error: { code: 1011, meaning: 'a raw connection, which has no Close message, ended with an error' },
  too_many_parts: { code: 1008, meaning: 'the client sent one message in more than 16,384 fragments' },
} as const satisfies Record<string, CloseCode>;
