/*
 * The close codes of RFC 6455 that the server sends, each with its meaning. Together with CLOSE_RULES they are the catalogue of ends:
 * a code is about the WebSocket, a reason about the connection.
 */

/** One close code. */
export interface CloseCode {
  readonly code: number;
  /** Its meaning for the client, in words. */
  readonly meaning: string;
}

/** All codes. Every one but the first is sent because the client broke the WebSocket protocol or a limit of it. */
export const CLOSE_CODES = {
  normal: {
    code: 1000,
    meaning: 'after every Close message, and in answer to every close frame of the client',
  },
  protocol_error: { code: 1002, meaning: 'the client sent a frame that RFC 6455 forbids' },
  invalid_text: { code: 1007, meaning: 'the client sent a text frame that is not UTF-8' },
  too_many_parts: { code: 1008, meaning: 'the client sent one message in more than 16,384 fragments' },
} as const satisfies Record<string, CloseCode>;
