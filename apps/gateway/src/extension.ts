// An extension is a program that runs inside the gateway's process and is served by its HTTP server: the helpdesk demo. The gateway has
// no dependency on it; it is loaded by name.
import type { eventCatalog } from '@millrace/contract';
import type { Publisher } from '@millrace/publisher';
import type { FastifyInstance } from 'fastify';
import type { IssueToken } from './auth/token-issuer.js';
import type { Logger } from './telemetry/logger.js';

/** Dependencies that an extension is given. */
export interface ExtensionHost {
  /** Routes may be added until the gateway listens; `/hubs`, `/v1`, `/healthz`, `/readyz` and `/metrics` are taken. */
  readonly http: FastifyInstance;
  /** Publishes into the gateway's broker. */
  readonly publisher: Publisher<typeof eventCatalog>;
  /** Signs tokens that the gateway's hub accepts. */
  readonly issueToken: IssueToken;
  readonly logger: Logger;
}

/** An event that a person who tries the extension can publish by hand. */
export interface ExampleEvent {
  /** Describes the effect, as text before a line to paste. */
  readonly says: string;
  /** The event in the form that `POST /v1/events` accepts. */
  readonly event: object;
}

/** The default export of an extension's package. */
export interface GatewayExtension {
  readonly name: string;
  /**
   * True when it is safe in development mode only: the gateway refuses it otherwise. An extension can sign tokens with the gateway's own
   * secret, so an extension that gives them to anybody must set this. @defaultValue false
   */
  readonly isForDevelopment?: boolean;
  /** Shown when a gateway starts in development mode. @defaultValue none */
  readonly example?: ExampleEvent;
  /** Adds routes and starts what the extension needs. The returned function stops it. */
  start(host: ExtensionHost): Promise<() => Promise<void>>;
}
