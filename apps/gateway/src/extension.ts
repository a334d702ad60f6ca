// Defines extensions: programs that run inside the gateway's process and add routes to its HTTP server, such as the helpdesk demo.
// The gateway does not depend on the demo, but loads it by name.
import type { eventCatalog } from '@millrace/contract';
import type { Publisher } from '@millrace/publisher';
import type { FastifyInstance } from 'fastify';
import type { IssueToken } from './auth/token-issuer.js';
import type { Logger } from './telemetry/logger.js';

/** The parts of the gateway that an extension may use. */
export interface ExtensionHost {
  /**
   * The HTTP server. Routes may be added until the gateway listens. The paths `/hubs`, `/v1`, `/healthz`, `/readyz` and `/metrics`
   * are reserved.
   */
  readonly http: FastifyInstance;
  /** Publishes into the gateway's broker. */
  readonly publisher: Publisher<typeof eventCatalog>;
  /** Signs tokens that the gateway's hub accepts. */
  readonly issueToken: IssueToken;
  readonly logger: Logger;
}

/** An event that a person who tries the extension can publish by hand. */
export interface ExampleEvent {
  /** Describes the effect of the event. The text is printed before the command that publishes the event. */
  readonly says: string;
  /** The event in the form that `POST /v1/events` accepts. */
  readonly event: object;
}

/** The default export of an extension's package. */
export interface GatewayExtension {
  readonly name: string;
  /**
   * True when the extension is safe only in development mode. With such an extension, a gateway in normal
   * mode refuses to start. An extension can sign tokens with the gateway's secret. If it gives tokens to
   * anyone who asks, it must set this field to true. @defaultValue false
   */
  readonly isForDevelopment?: boolean;
  /** An example event, which a gateway in development mode prints when it starts. @defaultValue none */
  readonly example?: ExampleEvent;
  /** Adds routes and starts what the extension needs. The returned function stops the extension. */
  start(host: ExtensionHost): Promise<() => Promise<void>>;
}
