/*
 * The few assertions of the features, which run in pages as well, where the test runner is not.
 */

/** Fails unless both are the same in type and content. Bytes are the same whatever view shows them. */
export function same(actual: unknown, expected: unknown, what = 'value'): void {
  const [have, want] = [show(actual), show(expected)];
  if (have !== want) throw new Error(`${what}: is ${shorten(have)}, should be ${shorten(want)}`);
}

/** Fails unless the promise is rejected with an error whose text holds all of this. @returns the text */
export async function rejected(promise: Promise<unknown>, ...parts: readonly string[]): Promise<string> {
  const text = await promise.then(
    (value) => {
      throw new Error(`was fulfilled with ${shorten(show(value))}, should be rejected`);
    },
    (error: unknown) => String(error),
  );
  for (const part of parts) {
    if (!text.includes(part)) throw new Error(`was rejected with ${text}, should say ${part}`);
  }
  return text;
}

/** Resolves when the condition holds; for what only shows in a state. @throws after 15 s */
export async function eventually(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 15_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`did not come true: ${condition.toString()}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

function show(value: unknown): string {
  if (value instanceof Date) return `date ${value.toISOString()}`;
  if (value instanceof Uint8Array) return `bytes ${[...value].join()}`;
  if (Array.isArray(value)) return `[${value.map(show).join()}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}:${show(field)}`);
    return `{${fields.sort().join()}}`;
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function shorten(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length} characters)` : text;
}
