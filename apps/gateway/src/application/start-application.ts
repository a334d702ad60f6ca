// Starts an application: calls its function `http`, and reports a failure of this function as one of the application.
import type { AnyCatalog } from '@millrace/contract';
import { type Clock, messageOf, systemClock } from '@millrace/internal';
import { GatewayError } from '../errors.js';
import { type Application, type ApplicationHost, nameOf, type StopApplication } from './application.js';
import { settledInTime, WAIT_LIMIT_MS } from './application-wait.js';

/**
 * Calls `http` of the application, and returns the function that stops the application, if there is one. An arrow function may
 * return something else, such as the server to which it has added a route. Other values are therefore ignored.
 * @throws GatewayError `invalid_configuration` if `http` fails, or has not settled at the limit. The log then has the stack
 */
export async function startApplication(
  app: Application<AnyCatalog>,
  host: ApplicationHost<AnyCatalog>,
  clock: Pick<Clock, 'startTimer'> = systemClock,
): Promise<StopApplication | undefined> {
  try {
    const stop: unknown = await settledInTime(calledHttp(app, host), {
      clock,
      onLongWait: () =>
        host.logger.warn(
          'the gateway does not listen yet: it waits for the promise that the function http of the application has returned',
        ),
      overdue: () =>
        new Error(
          `it has not settled within ${WAIT_LIMIT_MS / 1_000} s. Let it return when the routes are added, and start longer work without awaiting it.`,
        ),
    });
    return typeof stop === 'function' ? (stop as StopApplication) : undefined; // The type of `http` allows no other function.
  } catch (cause) {
    host.logger.error({ err: cause }, 'http of the application failed');
    const [reason] = messageOf(cause).split('\n');
    const message = `The function http of the application ${nameOf(app)} failed: ${reason}`;
    throw new GatewayError('invalid_configuration', message, { cause });
  }
}

/** Calls `http`. An error that it throws at once becomes a rejection. */
async function calledHttp(app: Application<AnyCatalog>, host: ApplicationHost<AnyCatalog>): Promise<unknown> {
  return app.http?.(host);
}
