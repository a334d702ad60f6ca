// Code of an application that never settles does not keep a gateway from starting in silence.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnyCatalog } from '@millrace/contract';
import { fakeClock } from '@millrace/testkit';
import { expect, test, vi } from 'vitest';
import type { Application, ApplicationHost } from '../../src/application/application.js';
import { WAIT_LIMIT_MS, WAIT_NOTICE_MS } from '../../src/application/application-wait.js';
import { loadApplication } from '../../src/application/load-application.js';
import { startApplication } from '../../src/application/start-application.js';

function start(app: Application<AnyCatalog>) {
  const logger = { warn: vi.fn(), error: vi.fn() };
  const clock = fakeClock();
  const host = { logger } as unknown as ApplicationHost<AnyCatalog>; // The application uses no other part.
  return { logger, clock, started: startApplication(app, host, clock) };
}

test('the log says after some seconds that the gateway waits for the function http of the application', async () => {
  const { logger, clock, started } = start({ http: () => new Promise(() => undefined) });
  started.catch(() => undefined);
  await clock.advance(WAIT_NOTICE_MS - 1);
  expect(logger.warn).not.toHaveBeenCalled();
  await clock.advance(1);
  expect(logger.warn.mock.calls).toEqual([[expect.stringContaining('the function http of the application')]]);
});

test('a function http that has not settled at the limit fails the start, and the error names it', async () => {
  const { clock, started } = start({ name: 'desk', http: () => new Promise(() => undefined) });
  const failed = started.catch((error: unknown) => error);
  await clock.advance(WAIT_LIMIT_MS);
  expect(await failed).toMatchObject({
    code: 'invalid_configuration',
    message: expect.stringMatching(
      /function http of the application desk failed: it has not settled within 120 s/,
    ),
  });
});

test('a function http that settles leaves no timer, and its result is the function that stops the application', async () => {
  const stop = (): void => undefined;
  const { clock, started, logger } = start({ http: async () => stop });
  expect(await started).toBe(stop);
  expect(clock.timerCount).toBe(0);
  expect(logger.warn).not.toHaveBeenCalled();
});

test('a module whose top level never settles is named after some seconds, and refused at the limit', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-app-'));
  const print = vi.spyOn(console, 'error').mockReturnValue(undefined);
  try {
    const path = join(folder, 'app.mjs');
    await writeFile(path, 'await new Promise(() => {});');
    const clock = fakeClock();
    const refused = loadApplication(path, clock).catch((error: unknown) => error);
    await clock.advance(WAIT_NOTICE_MS);
    expect(print.mock.calls).toEqual([[expect.stringContaining(path)]]);
    await clock.advance(WAIT_LIMIT_MS);
    expect(await refused).toMatchObject({
      code: 'invalid_configuration',
      message: expect.stringContaining('has not loaded within 120 s'),
    });
  } finally {
    print.mockRestore();
    await rm(folder, { recursive: true });
  }
});
