// `millrace serve`: runs the gateway until it is told to stop.
import { GatewayError } from '../errors.js';
import type { GatewayExtension } from '../extension.js';
import { createGateway, type Gateway, type GatewayAddress } from '../gateway.js';
import { readEnvironment } from '../settings/environment.js';
import { createAudit } from '../telemetry/audit.js';
import { createLogger, flushLogger, type Logger } from '../telemetry/logger.js';
import { welcomeText } from './welcome.js';

/** Starts a gateway with the settings of the environment. SIGTERM and SIGINT stop it cleanly. */
export async function serve(options: {
  readonly isDevelopment: boolean;
  readonly hasDemo: boolean;
}): Promise<void> {
  const environment = readEnvironment(process.env);
  const isDevelopment = options.isDevelopment || environment.gateway.isDevelopment === true;
  // In development mode at a terminal, the log is for a person. In this case, the welcome text replaces the
  // log lines of level info.
  const isForPeople = isDevelopment && process.stdout.isTTY;
  const logger = createLogger({
    level: environment.logLevel ?? (isForPeople ? 'warn' : 'info'),
    isForPeople,
  });
  const extensions = options.hasDemo || environment.hasDemo ? [await loadDemo()] : [];
  const gateway = createGateway({ ...environment.gateway, isDevelopment, extensions }, logger);
  // A terminal that closes also sends SIGHUP. In that case, the gateway stops.
  const isAtTerminal = process.stdin.isTTY || process.stdout.isTTY;
  stopOnSignals(isAtTerminal ? ['SIGTERM', 'SIGINT', 'SIGHUP'] : ['SIGTERM', 'SIGINT'], gateway, logger);
  if (!isAtTerminal) reloadOnSignal(gateway, logger);
  const { url, adminUrl } = await started(gateway, logger);
  const [demo] = extensions;
  if (isDevelopment)
    console.log(welcomeText({ url, adminUrl, brokerKind: gateway.brokerKind, example: demo?.example }));
}

/** Starts the gateway. If that fails, the log is written first, so that the reason is printed last. */
async function started(gateway: Gateway, logger: Logger): Promise<GatewayAddress> {
  try {
    return await gateway.start();
  } catch (error) {
    await flushLogger(logger);
    throw error;
  }
}

// The demo is loaded by name, because the gateway must run without it.
const demoPackage = '@millrace/helpdesk';

async function loadDemo(): Promise<GatewayExtension> {
  try {
    const { default: demo } = (await import(demoPackage)) as { readonly default: GatewayExtension };
    return demo;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new GatewayError(
      'invalid_configuration',
      `MILLRACE_DEMO needs the package ${demoPackage}. Install it, or unset MILLRACE_DEMO.`,
      { cause },
    );
  }
}

/** SIGHUP reads the secrets again from their files. A wrong setting changes nothing. */
function reloadOnSignal(gateway: Gateway, logger: Logger): void {
  const audit = createAudit(logger);
  process.on('SIGHUP', () => {
    const act = { action: 'reload_secrets', by: 'SIGHUP' } as const;
    try {
      gateway.reload(readEnvironment(process.env).gateway);
      audit({ ...act, outcome: 'done' });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      audit({ ...act, outcome: 'refused', reason });
      logger.error({ reason }, 'secrets not reloaded: the gateway keeps those that it has');
    }
  });
}

function stopOnSignals(signals: readonly NodeJS.Signals[], gateway: Gateway, logger: Logger): void {
  let isStopping = false;
  for (const signal of signals) {
    process.on(signal, () => {
      if (isStopping) {
        // The second signal means that the gateway must exit without waiting.
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

// Maximum time to wait for the log to be written at the end. The reader of the log may be stuck.
const flushTimeoutMs = 1_000;

/**
 * Writes the log, then ends the process. If the reader of the log is gone, as after `| head`, the logger's
 * own write at exit would retry forever. The flush here detects this case.
 */
async function exit(code: number, logger: Logger): Promise<never> {
  const timeout = new Promise<void>((resolve) => {
    setTimeout(resolve, flushTimeoutMs);
  });
  await Promise.race([flushLogger(logger), timeout]);
  process.exit(code);
}
