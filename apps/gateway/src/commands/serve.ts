// `millrace serve`: runs the gateway until it is told to stop.

import { type AnyCatalog, eventCatalog } from '@millrace/contract';
import { messageOf } from '@millrace/internal';
import { loadApplication } from '../application/load-application.js';
import { createGateway, type Gateway, type GatewayAddress } from '../gateway.js';
import { readEnvironment, withGivenNames } from '../settings/environment.js';
import { createAudit } from '../telemetry/audit.js';
import { createLogger, flushLogger, type LogFormat, type Logger } from '../telemetry/logger.js';
import { welcomeText } from './welcome.js';

/** Starts a gateway with the settings of the environment. SIGTERM and SIGINT stop it cleanly. */
export async function serve(options: {
  readonly isDevelopment: boolean;
  /** The application module. @defaultValue that of MILLRACE_APP */
  readonly app: string | undefined;
}): Promise<void> {
  // The reader of the output may have ended, as `| head` does. The gateway keeps running.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const environment = readEnvironment(process.env);
  const isDevelopment = options.isDevelopment || environment.gateway.isDevelopment === true;
  const isForPeople = isLogForPeople(environment.logFormat, isDevelopment);
  const logger = createLogger({
    // In development the welcome text replaces the log lines of level info.
    level: environment.logLevel ?? (isForPeople && isDevelopment ? 'warn' : 'info'),
    isForPeople,
  });
  const appModule = options.app ?? environment.appModule;
  const app = appModule === undefined ? undefined : await loadApplication(appModule);
  if (app !== undefined) survivePromisesOf(appModule, logger);
  const gateway = createGateway<AnyCatalog>({ ...environment.gateway, isDevelopment, app }, logger);
  // A terminal that closes also sends SIGHUP. The gateway then stops.
  const isAtTerminal = process.stdin.isTTY || process.stdout.isTTY;
  stopOnSignals(isAtTerminal ? ['SIGTERM', 'SIGINT', 'SIGHUP'] : ['SIGTERM', 'SIGINT'], gateway, logger);
  if (!isAtTerminal) reloadOnSignal(gateway, logger);
  const { url, adminUrl } = await started(gateway, logger);
  if (!isDevelopment) return;
  const { jwksUrl, jwtSecret, jwtSecrets = [], apiKeys = [] } = environment.gateway;
  const text = welcomeText({
    url,
    adminUrl,
    brokerKind: gateway.brokerKind,
    catalog: app?.catalog ?? eventCatalog,
    needsToken: jwksUrl !== undefined || jwtSecret !== undefined || jwtSecrets.length > 0,
    needsKey: apiKeys.length > 0,
    example: app?.example,
  });
  // If the log is JSON, standard output contains only JSON, so that programs can read it line by line.
  if (isForPeople) console.log(text);
  else console.error(text);
}

/**
 * Keeps the gateway running if an application module leaves a rejected promise alone: a method that publishes without `await` leaves one
 * whenever a client is refused. By default Node would end the process, so that one client could disconnect all others. Without a module,
 * such a promise is a defect of the gateway, and ends it.
 */
function survivePromisesOf(appModule: string | undefined, logger: Logger): void {
  process.on('unhandledRejection', (reason) => {
    logger.error(
      { err: reason, app: appModule },
      'a promise was rejected and nothing handled it: await it in the application module, or catch its error; the gateway keeps running',
    );
  });
}

/** True if the log has lines for people: if the setting says so, or by default in development mode at a terminal. */
function isLogForPeople(format: LogFormat | undefined, isDevelopment: boolean): boolean {
  return format === undefined ? isDevelopment && process.stdout.isTTY : format === 'text';
}

/** Starts the gateway. A failure flushes the log first, so that the reason is printed last. */
async function started(gateway: Gateway<AnyCatalog>, logger: Logger): Promise<GatewayAddress> {
  try {
    return await gateway.start();
  } catch (error) {
    await flushLogger(logger);
    throw error;
  }
}

/** SIGHUP reads the secrets again from their files. A wrong setting changes nothing. */
function reloadOnSignal(gateway: Gateway<AnyCatalog>, logger: Logger): void {
  const audit = createAudit(logger);
  process.on('SIGHUP', () => {
    const act = { action: 'reload_secrets', by: 'SIGHUP' } as const;
    try {
      gateway.reload(readEnvironment(process.env).gateway);
      audit({ ...act, outcome: 'done' });
    } catch (error) {
      const message = messageOf(error);
      const reason = withGivenNames(message, process.env);
      audit({ ...act, outcome: 'refused', reason });
      logger.error({ reason }, 'secrets not reloaded: the gateway keeps those that it has');
    }
  });
}

function stopOnSignals(
  signals: readonly NodeJS.Signals[],
  gateway: Gateway<AnyCatalog>,
  logger: Logger,
): void {
  let isStopping = false;
  for (const signal of signals) {
    process.on(signal, () => {
      if (isStopping) {
        // A second signal asks the gateway to exit without waiting.
        logger.warn({ signal }, 'exiting without waiting');
        void exit(1, logger);
        return;
      }
      isStopping = true;
      logger.info({ signal }, 'stopping');
      gateway.stop().then(
        () => exit(0, logger),
        (error: unknown) => {
          logger.error({ err: error }, 'stop failed');
          return exit(1, logger);
        },
      );
    });
  }
}

// Maximum time to wait for the log at the end. The reader of the log may be stuck.
const flushTimeoutMs = 1_000;

/**
 * Writes the log, then ends the process. The reader of the log may be gone, as after `| head`. The logger's own write at exit
 * would then retry forever. The flush here detects this case.
 */
async function exit(code: number, logger: Logger): Promise<never> {
  const timeout = new Promise<void>((resolve) => {
    setTimeout(resolve, flushTimeoutMs);
  });
  await Promise.race([flushLogger(logger), timeout]);
  process.exit(code);
}
