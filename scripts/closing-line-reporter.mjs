// Prints the suite's closing line `N passed, N failed[, N skipped]`, which people and CI read last. What the run has left behind
// (processes, folders) counts as failed.
import { clearLeftovers, markRun } from './leftovers.mjs';

export default class ClosingLineReporter {
  #count = { passed: 0, failed: 0, skipped: 0 };

  onInit() {
    // Before any worker is started: they inherit it.
    markRun();
    // After the default reporter's summary, so that it is the last line, and after the workers have ended.
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
      // A file that could not be loaded has no tests, and is a failure all the same.
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
