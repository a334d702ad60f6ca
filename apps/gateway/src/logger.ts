// Structured logs: one JSON line per fact. Payloads, tokens and keys are never given to the logger; the redaction
// below is the net under that rule.
import { type Logger, type LoggerOptions as LoggerSettings, pino } from 'pino';
import { logLineForPeople } from './log-line.js';

export type { Logger };

/** Log levels of pino that make sense here. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** What a logger can be told. */
export interface LoggerOptions {
  readonly level: LogLevel;
  /** Lines to read rather than JSON, each written before the call returns. @defaultValue false */
  readonly isForPeople?: boolean;
}

const peopleStream = {
  write: (json: string): void => {
    process.stdout.write(logLineForPeople(json));
  },
};

/** Creates the gateway's logger; writes to standard output. */
export function createLogger({ level, isForPeople = false }: LoggerOptions): Logger {
  const options: LoggerSettings = {
    level,
    base: {},
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: [
        'token',
        'access_token',
        'authorization',
        'payload',
        '*.token',
        '*.access_token',
        '*.authorization',
        '*.payload',
      ],
      censor: '[redacted]',
    },
    formatters: { level: (label) => ({ level: label }) },
  };
  // Each line goes out at once and nobody waits for it. A least length of 0 would do the same, but then a flush does nothing.
  const stream = isForPeople ? peopleStream : pino.destination({ dest: 1, minLength: 1, sync: false });
  return pino(options, stream);
}

/** Resolves when every line so far is written, or cannot be. */
export async function flushLogger(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    logger.flush(() => resolve());
  });
}
