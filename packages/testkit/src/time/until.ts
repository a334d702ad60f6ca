// Waits for a state that cannot be awaited, without guessing how long it takes.

/**
 * Asks again and again until `condition` holds; throws when it does not within `limitMs`. Prefer to await an event where there is one.
 */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 15_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs)
      throw new Error(`The condition did not hold within ${limitMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
