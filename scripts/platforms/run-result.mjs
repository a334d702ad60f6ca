// The result of a test run, read from the output of the closing-line reporter. Pure.

/**
 * Returns the closing line of an output, and the tests that were run twice.
 *
 * @returns `result`: the text for the table. It has the number of tests that were run twice, if there are any
 */
export function resultOf(output) {
  const result = output.match(/^\d+ passed, \d+ failed.*$/gm)?.at(-1) ?? 'ended without a result';
  return { result, runTwice: output.match(/^run twice: .*$/gm) ?? [] };
}
