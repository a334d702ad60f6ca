// Writes structured logs, one JSON object per line. The gateway never logs payloads, tokens or keys. The redaction below is a
// second safeguard.
import { type Logger, type LoggerOptions as LoggerSettings, pino } from 'pino';
import { logLineForPeople } from './log-line.js';

export type { Logger };

/** Log levels of the gateway: a subset of pino's levels. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Forms of the log: one JSON object per line, or lines for people. */
export const LOG_FORMATS = ['json', 'text'] as const;

/** One of {@link LOG_FORMATS}. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Options of {@link createLogger}. */
export interface LoggerOptions {
  readonly level: LogLevel;
  /** Writes lines for people instead of JSON. Each line is written before the log call returns. @defaultValue false */
  readonly isForPeople?: boolean;
}

const peopleStream = {
  write: (json: string): void => {
    process.stdout.write(logLineForPeople(json));
  },
};

/** Creates the gateway's logger, which writes to standard output. @beta */
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
    formatters: { level: (label) => ({ level: label }), log: inWholeMilliseconds },
  };
  return pino(options, isForPeople ? peopleStream : jsonStream());
}

/** Maximum size of the lines that wait to be written, while the disk is full for example. Later lines are dropped. */
const maxWaitingBytes = 16_777_216;

/** Writes lines to standard output. A line that cannot be written stops nothing, and is written when that is possible again. */
function jsonStream(): ReturnType<typeof pino.destination> {
  // Each line is written at once, without blocking. A `minLength` of 0 would do the same, but `flush` would then have no
  // effect.
  const stream = pino.destination({ dest: 1, minLength: 1, maxLength: maxWaitingBytes, sync: false });
  const flushSync = stream.flushSync.bind(stream);
  let isFailing = false;
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    // At the end of the process, pino would repeat the write for ever.
    stream.flushSync = () => undefined;
    if (!isFailing && code !== 'EPIPE')
      console.error(`millrace: the log cannot be written to standard output (${code ?? message})`);
    isFailing = true;
  });
  stream.on('write', () => {
    if (!isFailing) return;
    isFailing = false;
    stream.flushSync = flushSync;
  });
  return stream;
}

/** Rounds fields whose names end in `Ms`. A log needs no fractions of milliseconds. */
function inWholeMilliseconds(fields: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(fields);
  const isFraction = (name: string, value: unknown): value is number =>
    name.endsWith('Ms') && Number.isFinite(value) && !Number.isInteger(value);
  if (!entries.some(([name, value]) => isFraction(name, value))) return fields;
  return Object.fromEntries(
    entries.map(([name, value]) => [name, isFraction(name, value) ? Math.round(value) : value]),
  );
}

/** Resolves when every line that was logged so far is written, or its write has failed. */
export async function flushLogger(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    logger.flush(() => resolve());
  });
}
