// A promise that other code settles. It replaces `Promise.withResolvers`, which some supported browsers do not have.

/** A promise and the functions that settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** Creates a promise that its caller settles. */
export function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // The cast is safe: the constructor above has already run the executor.
  return { promise, ...(settle as unknown as Omit<Deferred<T>, 'promise'>) };
}
