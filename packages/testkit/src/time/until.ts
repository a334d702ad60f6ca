// Waiting for something that cannot be awaited, without guessing how long it takes.

/**
 * Asks again and again until `condition` holds, and fails by throwing when it does not within `limitMs`. For what only
 * shows in a state: prefer to await an event.
 */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 15_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs)
      throw new Error(`Did not come true within ${limitMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
