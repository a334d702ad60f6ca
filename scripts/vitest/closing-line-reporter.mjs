// Prints the failures once more, each on one line, then the last line of a test run, `N passed, N failed[, N skipped][, N run twice]`. A
// log of which only the end is kept then still names them. Each process or folder that the run left behind counts as one failure. Tests
// that failed and were run again (`--retry`) are named too, because a test that passes on a second try hides a fault.
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { clearLeftovers, markRun } from '../leftovers.mjs';

/** Maximum number of failures that are named. */
const namedFailures = 30;
/** Maximum length of an error in a failure's line, in characters. */
const errorLength = 300;

/** Returns a failure in one line. */
function failureLine(place, errors) {
  const message = stripVTControlCharacters(errors[0]?.message ?? '').replaceAll(/\s+/g, ' ');
  return `failed: ${place}: ${message.slice(0, errorLength)}`;
}

export default class ClosingLineReporter {
  #count = { passed: 0, failed: 0, skipped: 0 };
  #failures = [];
  #runTwice = [];

  onInit() {
    // Marks the run before any worker starts, because workers inherit the mark.
    markRun();
    // The line is printed at exit, so that it follows the default reporter's summary and the workers have ended.
    process.once('exit', () => this.#close());
  }

  onTestRunEnd(testModules, unhandledErrors) {
    const count = this.#count;
    for (const testModule of testModules) {
      let tests = 0;
      const path = relative(process.cwd(), testModule.moduleId);
      for (const test of testModule.children.allTests()) {
        tests += 1;
        const { state, errors } = test.result();
        count[state === 'pending' ? 'skipped' : state] += 1;
        if (test.diagnostic()?.retryCount > 0) this.#runTwice.push(`run twice: ${path} > ${test.fullName}`);
        if (state === 'failed') this.#failures.push(failureLine(`${path} > ${test.fullName}`, errors));
      }
      // A file that could not be loaded has no tests, but counts as one failure.
      if (testModule.state() === 'failed' && (tests === 0 || testModule.errors().length > 0)) {
        count.failed += 1;
        this.#failures.push(failureLine(path, testModule.errors()));
      }
    }
    count.failed += unhandledErrors.length;
    for (const error of unhandledErrors) this.#failures.push(failureLine('outside of a test', [error]));
  }

  #close() {
    const leftovers = clearLeftovers();
    for (const line of leftovers) process.stdout.write(`\nleft behind by the tests: ${line}`);
    if (leftovers.length > 0) process.exitCode = 1;
    for (const line of this.#failures.slice(0, namedFailures)) process.stdout.write(`\n${line}`);
    for (const line of this.#runTwice) process.stdout.write(`\n${line}`);
    const { passed, failed, skipped } = this.#count;
    const runTwice = this.#runTwice.length;
    const ending = `${skipped > 0 ? `, ${skipped} skipped` : ''}${runTwice > 0 ? `, ${runTwice} run twice` : ''}`;
    process.stdout.write(`\n${passed} passed, ${failed + leftovers.length} failed${ending}\n`);
  }
}
