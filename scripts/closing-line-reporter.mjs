// Prints the suite's closing line `N passed, N failed[, N skipped]`, which people and CI read last.

export default class ClosingLineReporter {
  onTestRunEnd(testModules, unhandledErrors) {
    const count = { passed: 0, failed: 0, skipped: 0 };
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
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
    // After the default reporter's summary, so that it is the last line.
    process.once('exit', () => {
      process.stdout.write(`\n${count.passed} passed, ${count.failed} failed${skipped}\n`);
    });
  }
}
