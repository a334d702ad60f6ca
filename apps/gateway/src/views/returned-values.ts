// Checks what the functions of a view return. Types cannot: an application module is usually JavaScript.

/** Thrown when a function of a view returns something that cannot be sent. */
export class ViewFault extends Error {
  override readonly name = 'ViewFault';
}

/**
 * Returns the list that a function has returned.
 * @param what the list in words, such as "the arguments of a message"
 * @throws ViewFault for anything else
 */
export function returnedList(returned: unknown, what: string): readonly unknown[] {
  refusePromise(returned, what);
  if (!Array.isArray(returned)) throw new ViewFault(`${what} must be a list`);
  return returned;
}

/**
 * Returns the arguments of a message that a function has returned.
 * @throws ViewFault for anything but a list, and for a list with a promise, which clients would receive as an empty object
 */
export function returnedArguments(returned: unknown, what: string): readonly unknown[] {
  const args = returnedList(returned, what);
  for (const [index, value] of args.entries()) refusePromise(value, `number ${index + 1} of ${what}`);
  return args;
}

/**
 * Refuses a promise. Nobody else waits for it, so its rejection is handled here. It would otherwise end the process.
 * @throws ViewFault
 */
export function refusePromise(returned: unknown, what: string): void {
  if (!(returned instanceof Promise)) return;
  returned.catch(() => undefined);
  throw new ViewFault(`${what} must not be a promise: the function must not be async`);
}
