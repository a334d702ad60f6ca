// Polls for a state that has no event. A test then needs no fixed waiting time.

/**
 * Polls until `condition` is true. Throws if it is not true within `limitMs`, which only ends a test that hangs: it is long, so that a
 * test also passes on a busy machine. Prefer to await an event if there is one.
 */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs)
      throw new Error(`The condition did not hold within ${limitMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
