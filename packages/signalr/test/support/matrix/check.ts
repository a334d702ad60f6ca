/* The assertions of the feature tests. They also run in web pages, which have no test runner. */

/** Throws unless both values have the same type and content. Views of different types are equal if their bytes are. */
export function same(actual: unknown, expected: unknown, what = 'value'): void {
  const [have, want] = [show(actual), show(expected)];
  if (have !== want) throw new Error(`${what}: is ${shorten(have)}, should be ${shorten(want)}`);
}

/** Throws unless the promise is rejected with an error whose text contains all `parts`. @returns the error's text */
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

/** Waits until the condition is true. Only for conditions that no event reports. @throws after 15 s */
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
