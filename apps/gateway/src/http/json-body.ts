// Reads a request's body as JSON and keeps its text.
import { isUtf8 } from 'node:buffer';

/** A parsed body. */
export interface JsonBody {
  readonly value: unknown;
  /** The JSON text from which the value was read. */
  readonly text: string;
}

/** The error for a body that cannot be read. The client receives status 400. */
class BodyError extends Error {
  readonly statusCode = 400;
}

/** The byte order mark, which some programs write before their JSON. RFC 8259, section 8.1, allows a reader to ignore it. */
const BYTE_ORDER_MARK = 0xfeff;

/**
 * Reads a body as JSON. The last value of a repeated name counts.
 *
 * @throws an error with status 400 if the body is not JSON in UTF-8
 */
export function readJsonBody(bytes: Buffer): JsonBody {
  // The encoding is checked first. Decoding would silently replace invalid bytes.
  if (!isUtf8(bytes)) throw new BodyError('not UTF-8');
  const decoded = bytes.toString('utf8');
  const text = decoded.charCodeAt(0) === BYTE_ORDER_MARK ? decoded.slice(1) : decoded;
  try {
    return { value: JSON.parse(text), text };
  } catch {
    // The error has no cause, because the message of the JSON parser quotes the body.
    throw new BodyError('not JSON');
  }
}
