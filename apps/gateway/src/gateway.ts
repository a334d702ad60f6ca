// A gateway's life cycle. The components start in the order in which data passes through them. They stop so that no accepted
// event is lost.
import { hostname } from 'node:os';
import { BrokerError, type StreamTrouble } from '@millrace/broker';
import type { AnyCatalog, eventCatalog } from '@millrace/contract';
import type { Publisher } from '@millrace/publisher';
import { nameOf, type StopApplication } from './application/application.js';
import { loadPlugins, startApplication } from './application/start-application.js';
import { createTokenIssuer } from './auth/token-issuer.js';
import { explainBrokerFailure } from './broker/broker-failure.js';
import { areUsersOpen, composeGateway, type GatewayComponents } from './composition-root.js';
import type { Readiness } from './http/health.js';
import { type GatewayAddress, HttpFront } from './http/http-front.js';
import type { GatewayOptions, ResolvedGatewayOptions } from './settings/options.js';
import { resolveOptions } from './settings/resolve-options.js';
import { createAudit } from './telemetry/audit.js';
import { createLogger, type Logger } from './telemetry/logger.js';
import { Saturation } from './telemetry/saturation.js';

export type { GatewayAddress } from './http/http-front.js';

/** The options that {@link Gateway.reload} replaces. */
export type RenewableOption =
  | 'jwtSecret'
  | 'jwtSecrets'
  | 'apiKeys'
  | 'redisTlsCa'
  | 'redisTlsCert'
  | 'redisTlsKey';

/** A gateway. Start it once, stop it once. @beta */
export interface Gateway<C extends AnyCatalog = typeof eventCatalog> {
  readonly brokerKind: 'redis' | 'memory';
  /** Publishes into this gateway's broker. Usable between `start` and `stop`. */
  readonly publisher: Publisher<C>;
  /**
   * Connects to the broker, begins to read the streams, then listens.
   *
   * @throws GatewayError `broker_unavailable`, `partitions_differ`, `layout_differs`, `foreign_group`, `port_in_use` or `invalid_configuration`. Its
   * message names the cause and usually the remedy.
   */
  start(): Promise<GatewayAddress>;
  /**
   * Replaces the secrets of tokens, the API keys, and the certificates for new connections to Redis. Certificates that are left
   * out stay as they are. Connections stay open, even if a removed secret has signed their token.
   * A connection over long polling authenticates with every poll, so it ends if its token is no longer accepted.
   *
   * @throws GatewayError `invalid_configuration`. Nothing has changed then
   */
  reload(options: Pick<GatewayOptions, RenewableOption>): void;
  /**
   * Stops cleanly: reports that it is not ready, refuses new clients, flushes windows, tells clients to reconnect, completes
   * acknowledgements and releases leases. The clients leave within about `drainMs`. The rest takes at most
   * `shutdownTimeoutMs`. Idempotent.
   */
  stop(): Promise<void>;
}

/**
 * Creates a gateway. Nothing runs before `start`.
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
 * @beta
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
  // The code of the gateway does not depend on the static types of the catalog.
  return gateway as unknown as Gateway<C>;
}

const keyServerUnavailable =
  'The key server of MILLRACE_JWKS_URL is unavailable: the gateway continues to use the keys that it has. The log contains the reason.';

const accessAway =
  'The access rule for rooms (access.mayEnter or MILLRACE_ACCESS_URL) cannot be asked: users stay in their rooms, others are told to try again. ' +
  'The log contains the reason.';

// Maximum time that a stop waits for the delivery of accepted events. It is short, because a stop must not wait for an
// unavailable Redis.
const flushTimeoutMs = 1_000;

/** The phases of a gateway's life in order, each with the values that exist only in this phase. */
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
 * The life cycle:
 *
 * ```
 * created ─▶ starting ─▶ running ─▶ stopping ─▶ stopped
 *    └──────────┴─── stop, or a start that fails ──▲
 * ```
 * Only `#enter` changes the phase. A failed start stops the components that it had started.
 */
class MillraceGateway implements Gateway<AnyCatalog> {
  readonly publisher: Publisher;
  readonly #options: ResolvedGatewayOptions;
  readonly #logger: Logger;
  readonly #components: GatewayComponents;
  readonly #http: HttpFront;
  #lifeCycle: LifeCycle = { phase: 'created' };
  #stopApplication: StopApplication | undefined;
  /** The component that is being closed, for the log. */
  #closing = '';

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
      this.#logger.info(
        { ...urlsOf(address), broker: this.brokerKind, development: this.#options.isDevelopment },
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

  reload(options: Pick<GatewayOptions, RenewableOption>): void {
    const { credentials, redisCertificates } = this.#components;
    const { jwtSecret, jwtSecrets = [], apiKeys = [] } = options;
    const certificates = redisCertificates.renewed(options);
    const changed = { ...this.#options, ...certificates, jwtSecret, jwtSecrets, apiKeys };
    const resolved = resolveOptions(changed, this.#options.instance);
    credentials.replace(resolved);
    redisCertificates.replace(resolved);
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

  #createHttp(): HttpFront {
    const { credentials, metrics, signalR, tenantLimits } = this.#components;
    const keys = {
      publisher: this.publisher,
      apiKeys: () => credentials.apiKeys,
      onForbidden: (apiKey: string) =>
        this.#logger.warn({ apiKey }, 'an API key was refused for its scopes, rooms or types'),
    };
    return new HttpFront({
      options: this.#options,
      logger: this.#logger,
      signalR,
      readiness: () => this.#readiness(),
      exposeMetrics: () => this.#exposeMetrics(),
      isStopping: () => this.#lifeCycle.phase === 'stopping',
      reads: this.#components.reads,
      presence: this.#components.presence,
      ingest: { ...keys, tenantLimits },
      erasure: { ...keys, tenants: tenantLimits?.tenants, audit: createAudit(this.#logger) },
      onRefused: (code) => metrics.refusals.inc({ at: 'api', code }),
    });
  }

  #readiness(): Readiness {
    const { broker, delivery } = this.#components;
    const { phase } = this.#lifeCycle;
    // Nothing can be published to an exhausted stream until an operator repairs it. Other kinds of trouble do not affect
    // other streams.
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

  /** Returns what an operator should correct although the gateway works. Streams in trouble are left out. */
  #details(): readonly string[] {
    const { remoteKeys, askedAccess, storeWatch, clientOwners, delivery } = this.#components;
    storeWatch.refresh();
    const access = askedAccess?.isAway === true ? [accessAway] : [];
    const details = [...storeWatch.details, ...clientOwners.details, ...delivery.details, ...access];
    if (remoteKeys?.isAway !== true) return details;
    // Only this request detects that the key server is available again while no client needs a key.
    remoteKeys.refresh();
    return [...details, keyServerUnavailable];
  }

  async #exposeMetrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    const { broker, delivery, metrics, presence } = this.#components;
    delivery.observe();
    metrics.presenceEntries.set(presence?.counts.entries ?? 0);
    metrics.presenceWatchedRooms.set(presence?.counts.watchedRooms ?? 0);
    metrics.saturation.set('saturation' in this.#lifeCycle ? (this.#lifeCycle.saturation?.share ?? 0) : 0);
    if (broker.state === 'ready') {
      // A stream that does not answer keeps its last figures.
      await Promise.allSettled(
        broker.partitioning.streams.map(async ({ name }) => {
          metrics.observeStream(broker.options.group, await broker.inspect(name));
        }),
      );
    }
    return metrics.expose();
  }

  // ── Start and stop of the components ──────────────────────────────────────────────────────────────────────────

  async #startComponents(): Promise<GatewayAddress> {
    // A port in use is the most common failure, so the ports are checked before anything is started.
    await this.#http.checkPorts();
    // Not awaited, because an unavailable key server must not delay the start. It logs an outage before the first client.
    this.#components.remoteKeys?.refresh();
    await this.#openBroker();
    await this.#startDelivery();
    await this.#startCollectors();
    this.#components.presence?.start();
    await this.#startApplication();
    return this.#http.listen();
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
      // An error that does not come from the broker is a defect of the gateway, so its stack is kept.
      throw error instanceof BrokerError ? await explainBrokerFailure(error, this.#options.redisUrl) : error;
    }
  }

  async #startCollectors(): Promise<void> {
    try {
      await this.#components.collectors?.start();
    } catch (error) {
      throw await explainBrokerFailure(error, this.#options.redisUrl);
    }
  }

  async #startApplication(): Promise<void> {
    const { app } = this.#options;
    if (app?.http === undefined) return;
    const host = {
      http: await this.#http.openToApplication(),
      publisher: this.publisher,
      presence: this.#components.presence,
      issueToken: createTokenIssuer(() => this.#components.credentials.signingSecret),
      logger: this.#logger.child({ application: nameOf(app) }),
    };
    this.#stopApplication = await startApplication(app, host);
    await loadPlugins(app, host);
  }

  async #stopComponents(wasRunning: boolean): Promise<void> {
    const { drainMs, shutdownTimeoutMs } = this.#options;
    const { rooms, signalR } = this.#components;
    rooms.replayAttempts.stop();
    // A gateway whose start failed has accepted no event.
    const after = wasRunning ? this.#attempt('events', () => this.#finishAccepted()) : Promise.resolve();
    // The clients are disconnected in waves. Each is served normally until its wave, so all components keep running.
    await this.#attempt('connections', () => signalR.drain({ withinMs: drainMs, after }));
    const isDone = await endsWithin(shutdownTimeoutMs, this.#closeComponents());
    this.#http.closeAllConnections();
    if (isDone) this.#logger.info('stopped');
    else
      this.#logger.error(
        { shutdownTimeoutMs, waitsFor: this.#closing },
        'stopped, but some components could not be closed in time',
      );
  }

  /** Publishes all accepted events. Sends them to the connected clients before the first client is told to reconnect. */
  async #finishAccepted(): Promise<void> {
    const signal = AbortSignal.timeout(flushTimeoutMs);
    const finish = async (): Promise<void> => {
      await this.publisher.flush();
      await this.#components.delivery.reachEnd(signal);
    };
    await endsWithin(flushTimeoutMs, finish());
  }

  /** Closes the port first, so that no request meets a closed component; then what accepts events; then delivery with its acknowledgements. */
  async #closeComponents(): Promise<void> {
    const { askedAccess, signalR, directory, presence, delivery, broker, collectors } = this.#components;
    await this.#attempt('port', () => this.#http.stopListening());
    askedAccess?.stop();
    await this.#attempt('application', async () => this.#stopApplication?.());
    await this.#attempt('collectors', async () => collectors?.stop());
    await this.#attempt('connections', () => signalR.close());
    await this.#attempt('publisher', () => this.publisher.close());
    await this.#attempt('http', () => this.#http.close());
    await this.#attempt('directory', async () => directory?.close());
    await this.#attempt('presence', async () => presence?.stop());
    await this.#attempt('delivery', () => delivery.stop());
    await this.#attempt('broker', () => broker.close());
  }

  /** Calls `close` and logs its failure. A component that cannot be closed must not keep the others open. */
  async #attempt(component: string, close: () => Promise<void>): Promise<void> {
    this.#closing = component;
    try {
      await close();
    } catch (error) {
      this.#logger.error({ err: error, component }, 'a component could not be closed cleanly');
    }
  }
}

function urlsOf({ url, adminUrl }: GatewayAddress): object {
  return adminUrl === undefined ? { url } : { url, adminUrl };
}

function troubleText({ stream, kind, message }: StreamTrouble): string {
  return kind === 'refused' ? `${stream} is out of order, the others are served: ${message}` : message;
}

/** Resolves to true if `work` is done in time, otherwise to false. The work continues in any case. */
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
