// Defines application modules: what one application adds to a gateway, such as its own event types and routes. The gateway does
// not depend on any application. The program `millrace` loads one by its path or by the name of its package.
import type { AnyCatalog, eventCatalog } from '@millrace/contract';
import type { Publisher } from '@millrace/publisher';
import type { FastifyInstance } from 'fastify';
import type { AppAccess, AppUser } from '../access/app-access.js';
import type { IssueToken } from '../auth/token-issuer.js';
import type { IntakeRules } from '../intake/rule.js';
import type { UserOnline } from '../presence/presence.js';
import type { RoomMembers } from '../presence/room-members.js';
import type { Logger } from '../telemetry/logger.js';
import type { DefinedView } from '../views/view.js';

/**
 * Answers who is connected, over all gateways. Its promises reject with a `BrokerError` while that cannot be determined.
 * @beta
 */
export interface AppPresence {
  /** Resolves to the members of a room. Of a room with many members, only the numbers are given. */
  members(roomId: string): Promise<RoomMembers>;
  /** Resolves to whether the user has a connection, in whichever rooms. */
  online(userId: string): Promise<UserOnline>;
}

/** The parts of the gateway that an application may use. @beta */
export interface ApplicationHost<C extends AnyCatalog = typeof eventCatalog> {
  /**
   * The HTTP server. Routes may be added until the gateway listens. The paths `/hubs`, `/v1`, `/healthz`, `/readyz` and `/metrics`
   * are reserved.
   */
  readonly http: FastifyInstance;
  /** Publishes events to the gateway's broker. */
  readonly publisher: Publisher<C>;
  /** Answers who is connected. `undefined` if presence is switched off (`MILLRACE_PRESENCE=0`). */
  readonly presence: AppPresence | undefined;
  /** Signs tokens that the gateway's hub accepts. */
  readonly issueToken: IssueToken;
  readonly logger: Logger;
}

/** Stops what an application has started. Called once, when the gateway stops. @beta */
export type StopApplication = () => Promise<void> | void;

/** An event that a person who tries the application can publish by hand. @beta */
export interface ExampleEvent {
  /** Describes the effect of the event. The text is printed before the command that publishes the event. */
  readonly says: string;
  /** The event in the form that `POST /v1/events` accepts. */
  readonly event: object;
}

/** One application: everything that a gateway serves in addition to its own routes. Create it with {@link defineApp}. @beta */
export interface Application<C extends AnyCatalog = typeof eventCatalog, U extends AppUser = AppUser> {
  /** Name of the application, in logs and messages. @defaultValue 'application' */
  readonly name?: string;
  /** The event types and streams. @defaultValue the nine built-in types */
  readonly catalog?: C;
  /** The hubs that the application adds to `/hubs/events`. @defaultValue none */
  readonly views?: readonly DefinedView[];
  /**
   * How entries of other programs become events, by stream. Entries of a stream without a rule have the form of an event already.
   * @defaultValue no rules
   */
  readonly intake?: IntakeRules<C>;
  /**
   * The access rules: the user of a token, and the rooms that a user may enter. @defaultValue the claims `sub`, `name` and `rooms`;
   * the backend of `accessUrl` (MILLRACE_ACCESS_URL), if it is set, instead of `rooms`
   */
  readonly access?: AppAccess<U>;
  /**
   * True if the application is safe only in development mode. A gateway in normal mode then refuses to start. Set this field
   * to true if the application gives tokens to anyone who asks.
   * @defaultValue false
   */
  readonly isForDevelopment?: boolean;
  /** An example event, which a gateway in development mode prints when it starts. @defaultValue none */
  readonly example?: ExampleEvent;
  /**
   * Adds routes and starts what the application needs. Called before the gateway listens. The gateway does not start if this
   * function fails, or has not settled after 120 seconds. Returns the function that stops the application, if there is something to stop. @defaultValue no routes
   */
  // With `undefined` in place of `void`, TypeScript 5 would refuse a function without a return.
  http?(host: ApplicationHost<C>): StopApplication | void | Promise<StopApplication | void>;
}

/** Returns the application's name for logs and messages. */
export function nameOf({ name = 'application' }: Pick<Application<AnyCatalog>, 'name'>): string {
  return name;
}

/**
 * Defines an application. The application's module must export the result as its default export. Returns the definition
 * unchanged. The function gives `host.publisher` a type that allows only the catalog's events.
 *
 * @example
 * ```ts
 * export default defineApp({
 *   name: 'orders',
 *   catalog: defineCatalog({ streams, eventTypes }),
 *   http({ http, publisher }) {
 *     http.post('/orders/:id/ship', async (request) => publisher.publish('order_shipped', request.params.id, {}));
 *   },
 * });
 * ```
 * @beta
 */
export function defineApp<C extends AnyCatalog = typeof eventCatalog, U extends AppUser = AppUser>(
  application: Application<C, U>,
): Application<C> {
  // The gateway gives `mayEnter` only what `userOf` has returned.
  return application;
}
