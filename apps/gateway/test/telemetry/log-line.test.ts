// The log lines for people.
import { expect, it } from 'vitest';
import { logLineForPeople } from '../../src/telemetry/log-line.js';

const time = new Date(2026, 10, 24, 12, 34, 56).toISOString();

it('a log line contains time, level, message and fields, but not the name of the gateway', () => {
  const json = JSON.stringify({
    level: 'warn',
    time,
    instance: 'vm-1',
    broker: 'redis',
    tries: 3,
    msg: 'broker state',
  });
  expect(logLineForPeople(json)).toBe('12:34:56 warn   broker state (broker redis, tries 3)\n');
});

it('the stack of an error follows on the next lines', () => {
  const err = { type: 'Error', message: 'lost', stack: 'Error: lost\n    at there.ts:1:2' };
  expect(logLineForPeople(JSON.stringify({ level: 'error', time, err, msg: 'failed' }))).toBe(
    '12:34:56 error  failed\nError: lost\n    at there.ts:1:2\n',
  );
});

it('a log line shows control characters as escapes', () => {
  const json = JSON.stringify({
    level: 'warn',
    time,
    origin: '\u001b[2Jhttp://x\r\n',
    msg: 'origin \u009brefused',
  });
  expect(logLineForPeople(json)).toBe(
    '12:34:56 warn   origin \\x9brefused (origin \\x1b[2Jhttp://x\\x0d\\x0a)\n',
  );
});
