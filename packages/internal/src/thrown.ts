// Values that were thrown. JavaScript may throw anything: a revoked proxy cannot be examined, an object without a prototype has no text,
// and the message of an error may be a getter that throws.

const WITHOUT_TEXT = 'a value was thrown that has no text';

/** Returns a thrown value if it is an Error, otherwise an Error with the value as its text. Never throws. @internal */
export function toError(thrown: unknown): Error {
  try {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  } catch {
    return new Error(WITHOUT_TEXT);
  }
}

/** Returns the message of a thrown Error, or the text of any other value. Never throws. @internal */
export function messageOf(thrown: unknown): string {
  try {
    const { message }: { readonly message: unknown } = toError(thrown);
    return String(message);
  } catch {
    return WITHOUT_TEXT;
  }
}
