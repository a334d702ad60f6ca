// Tells the values that options need from others of the same JavaScript type. Pure.

/**
 * True for a function whose result is used at once. An async function would return a promise, which nothing waits for, and a generator
 * an object.
 * @internal
 */
export function isPlainFunction(value: unknown): value is (...args: never) => unknown {
  return typeof value === 'function' && Object.prototype.toString.call(value) === '[object Function]';
}

/**
 * True for an object whose members are all its own: no list, no map and no instance of a class. Module namespaces are such objects.
 * @internal
 */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // The prototype of plain objects is another one in another realm, but has no prototype in any.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Describes an object or a function in words. */
export function kindOf(value: unknown): string {
  if (typeof value === 'function')
    return isPlainFunction(value) ? 'a function' : 'an async function or a generator';
  if (isPlainObject(value)) return 'an object';
  const { name } = Object((value as object).constructor) as { readonly name?: unknown };
  return typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an object';
}
