// Prints the last line of a test run, `N passed, N failed[, N skipped]`. Each process or folder that the run left behind counts as
// one failure.
import { clearLeftovers, markRun } from './leftovers.mjs';

export default class ClosingLineReporter {
  #count = { passed: 0, failed: 0, skipped: 0 };

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
      for (const test of testModule.children.allTests()) {
        tests += 1;
        count[test.result().state === 'pending' ? 'skipped' : test.result().state] += 1;
      }
      // A file that could not be loaded has no tests, but counts as one failure.
      if (testModule.state() === 'failed' && (tests === 0 || testModule.errors().length > 0))
        count.failed += 1;
    }
    count.failed += unhandledErrors.length;
  }

  #close() {
    const leftovers = clearLeftovers();
    for (const line of leftovers) process.stdout.write(`\nleft behind by the tests: ${line}`);
    if (leftovers.length > 0) process.exitCode = 1;
    const { passed, failed, skipped } = this.#count;
    const ending = skipped > 0 ? `, ${skipped} skipped` : '';
    process.stdout.write(`\n${passed} passed, ${failed + leftovers.length} failed${ending}\n`);
  }
}
