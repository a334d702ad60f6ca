// A gateway's life: its parts are started in the order of the data's way, and stopped so that nothing accepted is lost.
import { hostname } from 'node:os';
import { BrokerError, type StreamTrouble } from '@millrace/broker';
import type { AnyCatalog, eventCatalog } from '@millrace/contract';
import type { Publisher } from '@millrace/publisher';
import type { FastifyInstance } from 'fastify';
import { createApiKeyCheck } from './auth/api-keys.js';
import { createTokenIssuer } from './auth/token-issuer.js';
import { inWords } from './broker/broker-failure.js';
import { areUsersOpen, createGatewayParts, type GatewayParts } from './composition-root.js';
import { addHealthRoutes, type Readiness } from './http/health.js';
import { guardHosts } from './http/host-guard.js';
import { createHttpServer } from './http/http-server.js';
import { addIngestRoute } from './http/ingest.js';
import { addOpenApiRoute } from './http/openapi.js';
import { checkPort, portError } from './http/port-check.js';
import { type GatewayOptions, type ResolvedGatewayOptions, resolveOptions } from './settings/options.js';
import { createLogger, type Logger } from './telemetry/logger.js';
import { Saturation } from './telemetry/saturation.js';

/** Where a started gateway listens. */
export interface GatewayAddress {
  /** `http://host:port`, with the port that was really taken. */
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
   * @throws GatewayError `broker_unavailable`, `partitions_differ`, `port_in_use` or `invalid_configuration`, in words that say what to do.
   */
  start(): Promise<GatewayAddress>;
  /**
   * Stops cleanly: not ready, no new requests, windows flushed, connections closed with leave to reconnect, ledger
   * up to date, leases released. Bounded by `shutdownTimeoutMs`. Idempotent.
   */
  stop(): Promise<void>;
}

/**
 * Connections that the kernel takes for a gateway that has no time for them at the moment, as after a deploy, when all clients come at once;
 * the kernel's own bound (`net.core.somaxconn`) may be lower. A client beyond it waits for one, three, seven … seconds before its
 * system tries again; Node's own default is 511.
 */
const maxWaitingConnections = 4_096;

/**
 * Creates a gateway; nothing runs before `start`.
 *
 * @throws GatewayError `invalid_configuration`, in words that say what to set.
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

const keyServerAway =
  'The key server of MILLRACE_JWKS_URL is away: the keys known so far are used on. The log says why.';

// With Redis away a stop must not wait for it.
const flushTimeoutMs = 1_000;

/**
 * created → starting → running → stopping → stopped. A start that fails stops what it had started.
 */
class MillraceGateway implements Gateway<AnyCatalog> {
  readonly publisher: Publisher;
  readonly #options: ResolvedGatewayOptions;
  readonly #logger: Logger;
  readonly #parts: GatewayParts;
  readonly #http: FastifyInstance;
  #saturation: Saturation | undefined;
  #state: 'created' | 'starting' | 'running' | 'stopping' | 'stopped' = 'created';
  #stopped: Promise<void> | undefined;
  readonly #extensionStops: (() => Promise<void>)[] = [];

  constructor(options: ResolvedGatewayOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#parts = createGatewayParts(options, logger);
    this.publisher = this.#parts.publisher;
    this.#http = this.#createHttp();
  }

  get brokerKind(): 'redis' | 'memory' {
    return this.#parts.broker.kind;
  }

  async start(): Promise<GatewayAddress> {
    if (this.#state !== 'created') throw new TypeError('a gateway is started once');
    this.#state = 'starting';
    const { host, port, isDevelopment } = this.#options;
    try {
      // First, for this is what goes wrong most often: then nothing has happened yet.
      await checkPort(host, port);
      // Beside the rest: a key server that is away holds nothing up, and is heard of now rather than with the first client.
      this.#parts.remoteKeys?.refresh();
      await this.#openBroker();
      await this.#startDelivery();
      await this.#startExtensions();
      const address = await this.#listen();
      this.#saturation = new Saturation(() => this.publisher.queueFill);
      this.#state = 'running';
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
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  // ── HTTP and health ───────────────────────────────────────────────────────────────────────────────────────────

  #createHttp(): FastifyInstance {
    const { apiKeys, isDevelopment, maxBodyBytes, maxEventsPerRequest, catalog } = this.#options;
    const app = createHttpServer({
      maxBodyBytes,
      logger: this.#logger,
      refused: (code) => this.#parts.metrics.refusals.inc({ at: 'api', code }),
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
    const { broker, delivery } = this.#parts;
    // Nobody can publish there until somebody has done something; what else is wrong with one stream leaves the others served.
    const isStopped = ({ kind }: StreamTrouble): boolean => kind === 'exhausted';
    const reasons = [
      ...(this.#state === 'running' ? [] : [`gateway is ${this.#state}`]),
      ...(broker.state === 'ready' ? [] : [`broker is ${broker.state}`]),
      ...(delivery.isCaughtUp ? [] : ['streams are not read up to their end']),
      ...delivery.troubles.filter(isStopped).map(({ message }) => message),
    ];
    const troubles = delivery.troubles.filter((trouble) => !isStopped(trouble)).map(troubleText);
    const details = [...troubles, ...this.#details()];
    return reasons.length === 0 ? { isReady: true, details } : { isReady: false, reasons, details };
  }

  /** Conditions besides the streams that somebody should look after, although the gateway does its work. */
  #details(): readonly string[] {
    const { remoteKeys, evictionWatch } = this.#parts;
    evictionWatch.refresh();
    if (remoteKeys?.isAway !== true) return evictionWatch.details;
    // Nobody may ask for a key meanwhile: then this is what finds out that the server is back.
    remoteKeys.refresh();
    return [...evictionWatch.details, keyServerAway];
  }

  async #exposeMetrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    this.#parts.delivery.observe();
    this.#parts.metrics.saturation.set(this.#saturation?.share ?? 0);
    if (this.#parts.broker.state === 'ready') {
      // A stream that does not answer keeps its last figures.
      await Promise.allSettled(
        this.#parts.broker.partitioning.streams.map(async ({ name }) => {
          this.#parts.metrics.observeStream('signalr-consumers', await this.#parts.broker.inspect(name));
        }),
      );
    }
    return this.#parts.metrics.expose();
  }

  // ── Start and stop ────────────────────────────────────────────────────────────────────────────────────────────

  async #openBroker(): Promise<void> {
    try {
      await this.#parts.broker.open();
      await this.#parts.directory?.open();
    } catch (cause) {
      throw await inWords(cause, this.#options.redisUrl);
    }
  }

  async #startDelivery(): Promise<void> {
    try {
      await this.#parts.delivery.start();
    } catch (error) {
      // An error that does not come from the broker is a fault of ours, and keeps its stack.
      throw error instanceof BrokerError ? await inWords(error, this.#options.redisUrl) : error;
    }
  }

  async #startExtensions(): Promise<void> {
    for (const extension of this.#options.extensions) {
      const stop = await extension.start({
        http: this.#http,
        // An extension speaks the built-in types; a catalog without them refuses its events one by one.
        publisher: this.publisher as unknown as Publisher<typeof eventCatalog>,
        issueToken: createTokenIssuer(this.#parts.jwtSecret),
        logger: this.#logger.child({ extension: extension.name }),
      });
      this.#extensionStops.push(stop);
    }
  }

  async #listen(): Promise<GatewayAddress> {
    const { host, port, isDevelopment } = this.#options;
    this.#parts.signalR.attach(this.#http.server);
    if (isDevelopment) {
      // After the hubs, so that it stands before them.
      guardHosts(this.#http.server, () =>
        this.#parts.metrics.refusals.inc({ at: 'api', code: 'host_not_allowed' }),
      );
    }
    try {
      await this.#http.listen({ host, port, backlog: maxWaitingConnections });
    } catch (cause) {
      throw portError(host, port, cause);
    }
    const address = this.#http.server.address();
    const takenPort = typeof address === 'object' && address !== null ? address.port : port;
    return { url: `http://${host.includes(':') ? `[${host}]` : host}:${takenPort}`, port: takenPort };
  }

  async #stopAll(): Promise<void> {
    const wasRunning = this.#state === 'running';
    this.#state = 'stopping';
    const { drainMs, shutdownTimeoutMs } = this.#options;
    this.#parts.rooms.rounds.stop();
    // A start that failed has accepted nothing.
    const after = wasRunning ? this.#attempt('events', () => this.#finishAccepted()) : Promise.resolve();
    // Until its wave a client is served in full, so all parts run on.
    await this.#attempt('connections', () => this.#parts.signalR.drain({ withinMs: drainMs, after }));
    const isDone = await endsWithin(shutdownTimeoutMs, this.#closeParts());
    this.#http.server.closeAllConnections();
    this.#saturation?.stop();
    this.#state = 'stopped';
    if (isDone) this.#logger.info('stopped');
    else this.#logger.error({ shutdownTimeoutMs }, 'stopped, with parts that could not be closed in time');
  }

  /** What was accepted so far is published, and sent to those who are here, before the first of them goes. */
  async #finishAccepted(): Promise<void> {
    const signal = AbortSignal.timeout(flushTimeoutMs);
    const finish = async (): Promise<void> => {
      await this.publisher.flush();
      await this.#parts.delivery.reachEnd(signal);
    };
    await endsWithin(flushTimeoutMs, finish());
  }

  /** In the order of the data's way: nothing new comes in, what is in goes out, then its account is closed. */
  async #closeParts(): Promise<void> {
    for (const stop of this.#extensionStops) await this.#attempt('extension', stop);
    await this.#attempt('publisher', () => this.publisher.close());
    await this.#attempt('connections', () => this.#parts.signalR.close());
    await this.#attempt('http', () => this.#http.close());
    await this.#attempt('directory', async () => this.#parts.directory?.close());
    await this.#attempt('delivery', () => this.#parts.delivery.stop());
    await this.#attempt('broker', () => this.#parts.broker.close());
  }

  /** One part that cannot be closed must not keep the others open. */
  async #attempt(part: string, close: () => Promise<void>): Promise<void> {
    try {
      await close();
    } catch (error) {
      this.#logger.error({ err: error, part }, 'could not be closed cleanly');
    }
  }
}

function troubleText({ stream, kind, message }: StreamTrouble): string {
  return kind === 'refused' ? `${stream} is out of order, the others are served: ${message}` : message;
}

/** Whether `work` settled in time; it goes on in any case. */
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
