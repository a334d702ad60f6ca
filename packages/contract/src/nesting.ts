// The bound on how deep an event's data may be nested. Clients refuse deep JSON (64 levels in .NET) and then
// close the connection, and deep values overflow the stack of anything that walks them.

/** Deepest nesting of objects and lists in `payload` and in `metadata`, the outermost included. */
export const MAX_NESTING = 32;

function isShallow(value: object, levels: number): boolean {
  if (levels === 0) return false;
  if (Array.isArray(value)) return value.every((item) => isNestedWithin(item, levels - 1));
  for (const key in value) {
    const inner: unknown = (value as Readonly<Record<string, unknown>>)[key]; // The key was just read from it.
    if (typeof inner === 'object' && inner !== null && !isShallow(inner, levels - 1)) return false;
  }
  return true;
}

function isNestedWithin(value: unknown, levels: number): boolean {
  return typeof value !== 'object' || value === null || isShallow(value, levels);
}

/** True when a value is nested at most {@link MAX_NESTING} levels. A cycle is not. */
export function isNestedWithinLimit(value: unknown): boolean {
  return isNestedWithin(value, MAX_NESTING);
}
