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
    throw failureOf(app, host, cause);
  }
}

/** Calls `http`. An error that it throws at once becomes a rejection. */
async function calledHttp(app: Application<AnyCatalog>, host: ApplicationHost<AnyCatalog>): Promise<unknown> {
  return app.http?.(host);
}

/**
 * Loads the plugins that `http` has registered. Without this, they would be loaded when the gateway listens, and a failure would be one
 * of the gateway.
 * @throws GatewayError `invalid_configuration` if a plugin fails, or if `http` has called `listen`. The log then has the stack
 */
export async function loadPlugins(
  app: Application<AnyCatalog>,
  host: ApplicationHost<AnyCatalog>,
): Promise<void> {
  try {
    if (host.http.server.listening)
      throw new Error('it has called http.listen(). Leave that out: the gateway listens itself');
    await host.http.ready();
  } catch (cause) {
    throw failureOf(app, host, cause);
  }
}

/** Logs the failure with its stack, and returns the error with which the start ends. */
function failureOf(
  app: Application<AnyCatalog>,
  { logger }: ApplicationHost<AnyCatalog>,
  cause: unknown,
): GatewayError {
  logger.error({ err: cause }, 'http of the application failed');
  const [reason] = messageOf(cause).split('\n');
  const message = `The function http of the application ${nameOf(app)} failed: ${reason}`;
  return new GatewayError('invalid_configuration', message, { cause });
}
