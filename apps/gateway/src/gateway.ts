// A gateway's life cycle: its components are started in the order in which data passes through them, and stopped so that nothing
// accepted is lost.
import { hostname } from 'node:os';
import { BrokerError, type StreamTrouble } from '@millrace/broker';
import type { AnyCatalog, eventCatalog } from '@millrace/contract';
import type { Publisher } from '@millrace/publisher';
import type { FastifyInstance } from 'fastify';
import { createApiKeyCheck } from './auth/api-keys.js';
import { createTokenIssuer } from './auth/token-issuer.js';
import { explainBrokerFailure } from './broker/broker-failure.js';
import { areUsersOpen, composeGateway, type GatewayComponents } from './composition-root.js';
import { addHealthRoutes, type Readiness } from './http/health.js';
import { guardHosts } from './http/host-guard.js';
import { createHttpServer } from './http/http-server.js';
import { addIngestRoute } from './http/ingest.js';
import { addOpenApiRoute } from './http/openapi.js';
import { checkPort, portError } from './http/port-check.js';
import { type GatewayOptions, type ResolvedGatewayOptions, resolveOptions } from './settings/options.js';
import { createLogger, type Logger } from './telemetry/logger.js';
import { Saturation } from './telemetry/saturation.js';

/** The address on which a started gateway listens. */
export interface GatewayAddress {
  /** `http://host:port`, with the port that was really opened. */
  readonly url: string;
  readonly port: number;
}

/** A gateway. Start it once, stop it once. */
export interface Gateway<C extends AnyCatalog = typeof eventCatalog> {
  readonly brokerKind: 'redis' | 'memory';
  /** Publishes into this gateway's broker; usable between `start` and `stop`. */
  readonly publisher: Publisher<C>;
  /**
   * Connects to the broker, begins to read, then listens.
   *
   * @throws GatewayError `broker_unavailable`, `partitions_differ`, `port_in_use` or `invalid_configuration`, with the remedy in its message.
   */
  start(): Promise<GatewayAddress>;
  /**
   * Stops cleanly: reports that it is not ready, refuses new requests, flushes windows, tells clients to reconnect, completes
   * acknowledgements and releases leases. Bounded by `shutdownTimeoutMs`. Idempotent.
   */
  stop(): Promise<void>;
}

/**
 * Connections that the kernel accepts while the gateway has no time for them, as after a deploy, when all clients connect at once;
 * the kernel's own bound (`net.core.somaxconn`) may be lower. A client beyond it waits for one, three, seven … seconds before its
 * system tries again; Node's own default is 511.
 */
const maxWaitingConnections = 4_096;

/**
 * Creates a gateway; nothing runs before `start`.
 *
 * @throws GatewayError `invalid_configuration`, with the setting to change in its message.
 *
 * @example
 * ```ts
 * const gateway = createGateway({ redisUrl: 'redis://localhost:6379', isDevelopment: true });
 * const { url } = await gateway.start();
 * console.log(`Clients connect to ${url}/hubs/events`);
 * process.once('SIGTERM', () => void gateway.stop());
 * ```
 */
export function createGateway<C extends AnyCatalog = typeof eventCatalog>(
  options: GatewayOptions<C>,
  logger: Logger = createLogger({ level: 'silent' }),
): Gateway<C> {
  const resolved = resolveOptions(options, `${hostname()}-${process.pid}`);
  const gateway: Gateway<AnyCatalog> = new MillraceGateway(
    resolved,
    logger.child({ instance: resolved.instance }),
  );
  // The gateway was made with this very catalog; inside, its static types do not matter.
  return gateway as unknown as Gateway<C>;
}

const keyServerUnavailable =
  'The key server of MILLRACE_JWKS_URL is unavailable: the gateway continues to use the keys that it has. The log contains the reason.';

// A stop must not wait for Redis when it is unavailable.
const flushTimeoutMs = 1_000;

/** Phases of a gateway's life, in their order, each with what exists only in it. */
type LifeCycle =
  | { readonly phase: 'created' | 'starting' }
  | { readonly phase: 'running'; readonly saturation: Saturation }
  | {
      readonly phase: 'stopping' | 'stopped';
      readonly saturation: Saturation | undefined;
      /** Resolves when the gateway has stopped. */
      readonly stopped: Promise<void>;
    };

const nextPhases: Readonly<Record<LifeCycle['phase'], readonly LifeCycle['phase'][]>> = {
  created: ['starting', 'stopping'],
  starting: ['running', 'stopping'],
  running: ['stopping'],
  stopping: ['stopped'],
  stopped: [],
};

/**
 * ```
 * created ─▶ starting ─▶ running ─▶ stopping ─▶ stopped
 *    └──────────┴─── stop, or a start that fails ──▲
 * ```
 * `#enter` alone changes the phase. A start that fails stops what it had started.
 */
class MillraceGateway implements Gateway<AnyCatalog> {
  readonly publisher: Publisher;
  readonly #options: ResolvedGatewayOptions;
  readonly #logger: Logger;
  readonly #components: GatewayComponents;
  readonly #http: FastifyInstance;
  #lifeCycle: LifeCycle = { phase: 'created' };
  readonly #extensionStops: (() => Promise<void>)[] = [];

  constructor(options: ResolvedGatewayOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#components = composeGateway(options, logger);
    this.publisher = this.#components.publisher;
    this.#http = this.#createHttp();
  }

  get brokerKind(): 'redis' | 'memory' {
    return this.#components.broker.kind;
  }

  // ── Life cycle ────────────────────────────────────────────────────────────────────────────────────────────────

  async start(): Promise<GatewayAddress> {
    if (this.#lifeCycle.phase !== 'created')
      throw new TypeError('a gateway can be started once only; create another one');
    this.#enter({ phase: 'starting' });
    try {
      const address = await this.#startComponents();
      this.#enter({ phase: 'running', saturation: new Saturation(() => this.publisher.queueFill) });
      const { isDevelopment } = this.#options;
      this.#logger.info(
        { url: address.url, broker: this.brokerKind, development: isDevelopment },
        'listening',
      );
      if (areUsersOpen(this.#options))
        this.#logger.warn('development mode: every user and every room is accepted');
      return address;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  stop(): Promise<void> {
    const current = this.#lifeCycle;
    if ('stopped' in current) return current.stopped;
    const saturation = current.phase === 'running' ? current.saturation : undefined;
    const stopped = Promise.resolve().then(async () => {
      await this.#stopComponents(current.phase === 'running');
      saturation?.stop();
      this.#enter({ phase: 'stopped', saturation, stopped });
    });
    this.#enter({ phase: 'stopping', saturation, stopped });
    return stopped;
  }

  #enter(next: LifeCycle): void {
    const { phase } = this.#lifeCycle;
    if (!nextPhases[phase].includes(next.phase))
      throw new TypeError(`a gateway that is ${phase} cannot be ${next.phase}`);
    this.#lifeCycle = next;
  }

  // ── HTTP and health ───────────────────────────────────────────────────────────────────────────────────────────

  #createHttp(): FastifyInstance {
    const { apiKeys, isDevelopment, maxBodyBytes, maxEventsPerRequest, catalog } = this.#options;
    const app = createHttpServer({
      maxBodyBytes,
      logger: this.#logger,
      onRefused: (code) => this.#components.metrics.refusals.inc({ at: 'api', code }),
    });
    addHealthRoutes(app, {
      readiness: () => this.#readiness(),
      exposeMetrics: () => this.#exposeMetrics(),
    });
    addIngestRoute(app, {
      catalog,
      publisher: this.publisher,
      isApiKey: isDevelopment && apiKeys.length === 0 ? undefined : createApiKeyCheck(apiKeys),
      maxEventsPerRequest,
    });
    addOpenApiRoute(app, { catalog, maxEventsPerRequest });
    return app;
  }

  #readiness(): Readiness {
    const { broker, delivery } = this.#components;
    const { phase } = this.#lifeCycle;
    // Nothing can be published to an exhausted stream until an operator acts. Any other trouble of one stream leaves the others served.
    const isExhausted = ({ kind }: StreamTrouble): boolean => kind === 'exhausted';
    const reasons = [
      ...(phase === 'running' ? [] : [`gateway is ${phase}`]),
      ...(broker.state === 'ready' ? [] : [`broker is ${broker.state}`]),
      ...(delivery.isCaughtUp ? [] : ['streams are not read up to their end']),
      ...delivery.troubles.filter(isExhausted).map(({ message }) => message),
    ];
    const troubles = delivery.troubles.filter((trouble) => !isExhausted(trouble)).map(troubleText);
    const details = [...troubles, ...this.#details()];
    return reasons.length === 0 ? { isReady: true, details } : { isReady: false, reasons, details };
  }

  /** Conditions besides the streams that an operator should look after, although the gateway does its work. */
  #details(): readonly string[] {
    const { remoteKeys, evictionWatch } = this.#components;
    evictionWatch.refresh();
    if (remoteKeys?.isAway !== true) return evictionWatch.details;
    // No client may need a key meanwhile: then this request detects that the server is available again.
    remoteKeys.refresh();
    return [...evictionWatch.details, keyServerUnavailable];
  }

  async #exposeMetrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    const { broker, delivery, metrics } = this.#components;
    delivery.observe();
    metrics.saturation.set('saturation' in this.#lifeCycle ? (this.#lifeCycle.saturation?.share ?? 0) : 0);
    if (broker.state === 'ready') {
      // A stream that does not answer keeps its last figures.
      await Promise.allSettled(
        broker.partitioning.streams.map(async ({ name }) => {
          metrics.observeStream('signalr-consumers', await broker.inspect(name));
        }),
      );
    }
    return metrics.expose();
  }

  // ── Start and stop of the components ──────────────────────────────────────────────────────────────────────────

  async #startComponents(): Promise<GatewayAddress> {
    // First, because a port in use is the most common failure: then nothing has happened yet.
    await checkPort(this.#options.host, this.#options.port);
    // Not awaited: an unavailable key server delays nothing, and is logged now rather than with the first client.
    this.#components.remoteKeys?.refresh();
    await this.#openBroker();
    await this.#startDelivery();
    await this.#startExtensions();
    return this.#listen();
  }

  async #openBroker(): Promise<void> {
    try {
      await this.#components.broker.open();
      await this.#components.directory?.open();
    } catch (cause) {
      throw await explainBrokerFailure(cause, this.#options.redisUrl);
    }
  }

  async #startDelivery(): Promise<void> {
    try {
      await this.#components.delivery.start();
    } catch (error) {
      // An error that does not come from the broker is a defect of ours, and keeps its stack.
      throw error instanceof BrokerError ? await explainBrokerFailure(error, this.#options.redisUrl) : error;
    }
  }

  async #startExtensions(): Promise<void> {
    for (const extension of this.#options.extensions) {
      const stop = await extension.start({
        http: this.#http,
        // An extension publishes the built-in types; a catalog without them refuses its events one by one.
        publisher: this.publisher as unknown as Publisher<typeof eventCatalog>,
        issueToken: createTokenIssuer(this.#components.jwtSecret),
        logger: this.#logger.child({ extension: extension.name }),
      });
      this.#extensionStops.push(stop);
    }
  }

  async #listen(): Promise<GatewayAddress> {
    const { host, port, isDevelopment } = this.#options;
    this.#components.signalR.attach(this.#http.server);
    if (isDevelopment) {
      // After the hubs, so that the guard comes before them.
      guardHosts(this.#http.server, () =>
        this.#components.metrics.refusals.inc({ at: 'api', code: 'host_not_allowed' }),
      );
    }
    try {
      await this.#http.listen({ host, port, backlog: maxWaitingConnections });
    } catch (cause) {
      throw portError(host, port, cause);
    }
    const address = this.#http.server.address();
    const openedPort = typeof address === 'object' && address !== null ? address.port : port;
    return { url: `http://${host.includes(':') ? `[${host}]` : host}:${openedPort}`, port: openedPort };
  }

  async #stopComponents(wasRunning: boolean): Promise<void> {
    const { drainMs, shutdownTimeoutMs } = this.#options;
    const { rooms, signalR } = this.#components;
    rooms.replayAttempts.stop();
    // A start that failed has accepted nothing.
    const after = wasRunning ? this.#attempt('events', () => this.#finishAccepted()) : Promise.resolve();
    // Until its wave each client is served in full, so all components keep running.
    await this.#attempt('connections', () => signalR.drain({ withinMs: drainMs, after }));
    const isDone = await endsWithin(shutdownTimeoutMs, this.#closeComponents());
    this.#http.server.closeAllConnections();
    if (isDone) this.#logger.info('stopped');
    else
      this.#logger.error({ shutdownTimeoutMs }, 'stopped, but some components could not be closed in time');
  }

  /** Publishes what was accepted so far and sends it to the clients that are here, before the first of them is told to reconnect. */
  async #finishAccepted(): Promise<void> {
    const signal = AbortSignal.timeout(flushTimeoutMs);
    const finish = async (): Promise<void> => {
      await this.publisher.flush();
      await this.#components.delivery.reachEnd(signal);
    };
    await endsWithin(flushTimeoutMs, finish());
  }

  /** Closes in the order in which data passes: nothing new comes in, what is in is sent, then it is acknowledged. */
  async #closeComponents(): Promise<void> {
    const { signalR, directory, delivery, broker } = this.#components;
    for (const stop of this.#extensionStops) await this.#attempt('extension', stop);
    await this.#attempt('publisher', () => this.publisher.close());
    await this.#attempt('connections', () => signalR.close());
    await this.#attempt('http', () => this.#http.close());
    await this.#attempt('directory', async () => directory?.close());
    await this.#attempt('delivery', () => delivery.stop());
    await this.#attempt('broker', () => broker.close());
  }

  /** A component that cannot be closed must not keep the others open. */
  async #attempt(component: string, close: () => Promise<void>): Promise<void> {
    try {
      await close();
    } catch (error) {
      this.#logger.error({ err: error, component }, 'a component could not be closed cleanly');
    }
  }
}

function troubleText({ stream, kind, message }: StreamTrouble): string {
  return kind === 'refused' ? `${stream} is out of order, the others are served: ${message}` : message;
}

/** Resolves to true when `work` settled in time; it continues in any case. */
async function endsWithin(timeoutMs: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([work.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
