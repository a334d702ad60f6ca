// `millrace serve`: runs the gateway until it is told to stop.
import { readEnvironment } from '../environment.js';
import { createGateway, type Gateway } from '../gateway.js';
import { createLogger, type Logger } from '../logger.js';
import { welcomeText } from './welcome.js';

/** Starts a gateway from the environment; SIGTERM and SIGINT stop it cleanly. */
export async function serve(options: { readonly isDevelopment: boolean }): Promise<void> {
  const environment = readEnvironment(process.env);
  const isDevelopment = options.isDevelopment || environment.gateway.isDevelopment === true;
  const logger = createLogger({ level: environment.logLevel });
  const gateway = createGateway({ ...environment.gateway, isDevelopment }, logger);
  stopOnSignal(gateway, logger);
  const { url } = await gateway.start();
  if (isDevelopment) console.log(welcomeText({ url, brokerKind: gateway.brokerKind }));
}

function stopOnSignal(gateway: Gateway, logger: Logger): void {
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isStopping) {
        // Asked twice: whoever asks does not want to wait.
        logger.warn({ signal }, 'exiting without waiting');
        process.exit(1);
      }
      isStopping = true;
      logger.info({ signal }, 'stopping');
      gateway.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          logger.error({ err: error }, 'stop failed');
          process.exit(1);
        },
      );
    });
  }
}
