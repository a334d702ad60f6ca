// Watches the standard output of a command. Node drops lines that cannot be written, for example because the disk is full. A command
// would then end as if it had printed them.

/**
 * Reports a failed write to standard output, and sets the exit code 1. The command continues, because it may have more to do than to
 * print. A reader that has ended, as in `| head`, is not a failure.
 */
export function watchStandardOutput(): void {
  let isReported = false;
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    // Every write after the failed one fails, too.
    if (isReported) return;
    isReported = true;
    if (code === 'EPIPE') return;
    console.error(`millrace: standard output cannot be written (${code ?? message})`);
    process.exitCode = 1;
  });
  // Nothing can be reported where standard error fails.
  process.stderr.on('error', () => undefined);
}

/** Resolves when nothing more can be printed. A command that only prints then has nothing left to do. */
export function standardOutputFailed(): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.once('error', () => resolve());
  });
}
