// Starts an application: calls its function `http`, and reports a failure of this function as one of the application.
import type { AnyCatalog } from '@millrace/contract';
import { GatewayError } from '../errors.js';
import { type Application, type ApplicationHost, nameOf, type StopApplication } from './application.js';

/**
 * Calls `http` of the application, and returns the function that stops the application, if there is one. An arrow function may
 * return something else, such as the server to which it has added a route. Other values are therefore ignored.
 * @throws GatewayError `invalid_configuration` if `http` fails. The log then has the stack
 */
export async function startApplication(
  app: Application<AnyCatalog>,
  host: ApplicationHost<AnyCatalog>,
): Promise<StopApplication | undefined> {
  try {
    const stop: unknown = await app.http?.(host);
    return typeof stop === 'function' ? (stop as StopApplication) : undefined; // The type of `http` allows no other function.
  } catch (cause) {
    host.logger.error({ err: cause }, 'http of the application failed');
    const [reason] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    const message = `The function http of the application ${nameOf(app)} failed: ${reason}`;
    throw new GatewayError('invalid_configuration', message, { cause });
  }
}
