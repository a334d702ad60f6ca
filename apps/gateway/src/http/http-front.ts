// The HTTP side of a gateway: its servers and their routes. By default, one port serves everything. With an admin port, only
// that port serves `/metrics` and the reasons of `/readyz`. The clients' port can then be public.
import type { SignalRServer } from '@millrace/signalr';
import type { FastifyInstance } from 'fastify';
import { addErasureRoutes, type ErasureRoutesOptions } from '../erasure/erasure-routes.js';
import { greatestWaitSeconds } from '../reads/read-parameters.js';
import { addReadRoutes, type ReadRoutesDependencies } from '../reads/read-routes.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import { createAudit } from '../telemetry/audit.js';
import type { Logger } from '../telemetry/logger.js';
import { leavePolicyToLaterRoutes, setAnswerHeaders } from './answer-headers.js';
import { addHealthRoutes, addMetricsRoute, type HealthDependencies } from './health.js';
import { guardHosts } from './host-guard.js';
import { createHttpServer } from './http-server.js';
import { addIngestRoute, type IngestOptions } from './ingest.js';
import { addMembershipRoutes } from './membership-routes.js';
import { addOpenApiRoute } from './openapi.js';
import { checkPort, portError, portVariables } from './port-check.js';
import { addPresenceRoutes, type PresenceRoutesOptions } from './presence-routes.js';
import type { ProblemCode } from './problem.js';
import { stopListening } from './stop-listening.js';

/** The addresses on which a started gateway listens. @beta */
export interface GatewayAddress {
  /** `http://host:port`, with the port that was actually opened. */
  readonly url: string;
  readonly port: number;
  /** The URL of the admin port. Absent if there is no admin port. */
  readonly adminUrl?: string;
}

/** Dependencies of the servers. */
export interface HttpFrontDependencies extends HealthDependencies {
  readonly options: ResolvedGatewayOptions;
  readonly logger: Logger;
  readonly signalR: SignalRServer;
  readonly erasure: Pick<ErasureRoutesOptions, 'publisher' | 'apiKeys' | 'tenants' | 'onForbidden' | 'audit'>;
  readonly reads: ReadRoutesDependencies;
  readonly presence: PresenceRoutesOptions['presence'];
  readonly ingest: Pick<IngestOptions, 'publisher' | 'apiKeys' | 'tenantLimits' | 'onForbidden'>;
  exposeMetrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Returns true from the call of `stop` on. */
  isStopping(): boolean;
  onRefused(code: ProblemCode): void;
}

/**
 * Maximum number of connections that wait in the kernel until the gateway accepts them, for example when all clients connect
 * after a deploy. The kernel's own bound (`net.core.somaxconn`) may be lower. A client above the bound tries again after one,
 * three, seven … seconds. Node's default is 511.
 */
const maxWaitingConnections = 4_096;

/** Maximum size of a request's headers without its token: Node's limit for all headers. */
const maxOtherHeaderBytes = 16_384;

const clientsNotFound =
  'This is a Millrace gateway: clients connect to /hubs/events, backends POST to /v1/events, readers GET /v1/rooms/{room}/events.';
const adminNotFound =
  'This is the admin port of a Millrace gateway. It serves /metrics, /healthz and /readyz.';

/** The servers of a gateway. */
export class HttpFront {
  /** The server of the clients. */
  readonly app: FastifyInstance;
  /** The server of the admin port. `undefined` without an admin port. */
  readonly #admin: FastifyInstance | undefined;
  readonly #dependencies: HttpFrontDependencies;

  constructor(dependencies: HttpFrontDependencies) {
    this.#dependencies = dependencies;
    const { catalog, isDevelopment, maxEventsPerRequest, adminPort } = dependencies.options;
    this.app = this.#createServer(clientsNotFound);
    addIngestRoute(this.app, { ...dependencies.ingest, catalog, isDevelopment, maxEventsPerRequest });
    addErasureRoutes(this.app, { ...dependencies.erasure, catalog, isDevelopment });
    addMembershipRoutes(this.app, {
      ...dependencies.ingest,
      isDevelopment,
      audit: createAudit(dependencies.logger),
    });
    addReadRoutes(this.app, dependencies.reads);
    const { maxEvents: maxEventsPerPage } = dependencies.reads.limits;
    const maxWaitSeconds = greatestWaitSeconds(dependencies.reads.limits);
    const { presence, reads } = dependencies;
    addPresenceRoutes(this.app, {
      ...dependencies.ingest,
      presence,
      admission: reads.admission,
      isDevelopment,
    });
    addOpenApiRoute(this.app, { catalog, maxEventsPerRequest, maxEventsPerPage, maxWaitSeconds });
    if (adminPort === undefined) {
      addHealthRoutes(this.app, dependencies, { areReasonsShown: true });
      addMetricsRoute(this.app, dependencies);
      return;
    }
    // Load balancers probe the port to which they send clients, so the health routes are on both ports.
    addHealthRoutes(this.app, dependencies, { areReasonsShown: false });
    this.#admin = this.#createServer(adminNotFound);
    addHealthRoutes(this.#admin, dependencies, { areReasonsShown: true });
    addMetricsRoute(this.#admin, dependencies);
  }

  /** Returns the server of the clients, to which the application adds its routes. */
  async openToApplication(): Promise<FastifyInstance> {
    // Adds the routes of the gateway that are still waiting in plug-ins.
    await this.app.after();
    leavePolicyToLaterRoutes(this.app);
    return this.app;
  }

  /** @throws GatewayError `port_in_use` or `invalid_configuration` if one of the ports cannot be opened */
  async checkPorts(): Promise<void> {
    const { host, port, adminHost, adminPort } = this.#dependencies.options;
    await checkPort(host, port);
    if (adminPort !== undefined) await checkPort(adminHost ?? host, adminPort, portVariables.admin);
  }

  /**
   * Opens the ports, the admin port first.
   * @throws GatewayError `port_in_use` or `invalid_configuration`
   */
  async listen(): Promise<GatewayAddress> {
    const { options, signalR, isStopping, onRefused } = this.#dependencies;
    const { host, port, adminHost = host, adminPort, isDevelopment } = options;
    signalR.attach(this.app.server);
    if (isDevelopment) {
      // Called after the hubs are attached, so that the guard sees each request before the hubs.
      for (const { server } of this.#servers) guardHosts(server, () => onRefused('host_not_allowed'));
    }
    for (const { server } of this.#servers) setAnswerHeaders(server, isStopping);
    const admin =
      this.#admin === undefined || adminPort === undefined
        ? undefined
        : await openPort(this.#admin, adminHost, adminPort, portVariables.admin);
    const clients = await openPort(this.app, host, port, portVariables.clients);
    return { ...clients, ...(admin === undefined ? {} : { adminUrl: admin.url }) };
  }

  /** Refuses new connections at the port of the clients. Requests that have arrived are answered by components that still run. */
  async stopListening(): Promise<void> {
    await stopListening(this.app.server);
  }

  /** Closes the port of the clients first. The admin port follows, so that metrics can be read until the end of a stop. */
  async close(): Promise<void> {
    for (const app of this.#servers) {
      await stopListening(app.server);
      app.server.closeAllConnections();
      await app.close();
    }
  }

  /** Ends all connections that are still open. */
  closeAllConnections(): void {
    for (const { server } of this.#servers) server.closeAllConnections();
  }

  get #servers(): readonly FastifyInstance[] {
    return this.#admin === undefined ? [this.app] : [this.app, this.#admin];
  }

  #createServer(notFoundDetail: string): FastifyInstance {
    const { options, logger, onRefused } = this.#dependencies;
    return createHttpServer({
      maxBodyBytes: options.maxBodyBytes,
      maxHeaderBytes: options.maxTokenBytes + maxOtherHeaderBytes,
      notFoundDetail,
      logger,
      onRefused,
    });
  }
}

async function openPort(
  app: FastifyInstance,
  host: string,
  port: number,
  variables: (typeof portVariables)[keyof typeof portVariables],
): Promise<{ readonly url: string; readonly port: number }> {
  try {
    await app.listen({ host, port, backlog: maxWaitingConnections });
  } catch (cause) {
    throw portError(host, port, cause, variables);
  }
  const address = app.server.address();
  const openedPort = typeof address === 'object' && address !== null ? address.port : port;
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${openedPort}`, port: openedPort };
}
