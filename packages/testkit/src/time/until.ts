// Polls for a state that has no event, so that a test does not need a fixed waiting time.

/** Polls until `condition` is true. Throws if it is not true within `limitMs`. Prefer to await an event if there is one. */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 15_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs)
      throw new Error(`The condition did not hold within ${limitMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
