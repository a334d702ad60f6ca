// Structured logs: one JSON line per fact. Payloads, tokens and keys are never given to the logger; the redaction
// below is the net under that rule.
import { type Logger, pino } from 'pino';

export type { Logger };

/** Log levels of pino that make sense here. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Creates the gateway's logger; writes to standard output. */
export function createLogger(options: { readonly level: LogLevel; readonly instance?: string }): Logger {
  return pino({
    level: options.level,
    base: options.instance === undefined ? {} : { instance: options.instance },
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
  });
}
