// A program that runs inside the gateway's process and is served by its HTTP server: the helpdesk demo. The
// gateway does not know it; it is loaded by name.
import type { eventCatalog } from '@millrace/contract';
import type { Publisher } from '@millrace/publisher';
import type { FastifyInstance } from 'fastify';
import type { IssueToken } from './auth/token-issuer.js';
import type { Logger } from './telemetry/logger.js';

/** What an extension is given. */
export interface ExtensionHost {
  /** Routes may be added until the gateway listens; `/hubs`, `/v1`, `/healthz`, `/readyz` and `/metrics` are taken. */
  readonly http: FastifyInstance;
  /** Publishes into the gateway's broker. */
  readonly publisher: Publisher<typeof eventCatalog>;
  /** Signs tokens that the gateway's hub accepts. */
  readonly issueToken: IssueToken;
  readonly logger: Logger;
}

/** An event that whoever tries the extension out can publish by hand. */
export interface ExampleEvent {
  /** What will be seen, as words before a line to paste. */
  readonly says: string;
  /** As `POST /v1/events` takes it. */
  readonly event: object;
}

/** The default export of an extension's package. */
export interface GatewayExtension {
  readonly name: string;
  /**
   * True when it is safe only where everybody may do everything: the gateway refuses it outside development mode. An extension can sign tokens
   * with the gateway's own secret, so one that hands them out to anybody must say so. @defaultValue false
   */
  readonly isForDevelopment?: boolean;
  /** Shown when a gateway starts in development mode. @defaultValue none */
  readonly example?: ExampleEvent;
  /** Adds routes and starts what the extension needs. The returned function stops it. */
  start(host: ExtensionHost): Promise<() => Promise<void>>;
}
