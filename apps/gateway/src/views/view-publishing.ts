// Publishes the events of a view's clients: within the budgets of their users and tenants, and with the end of typing when a client
// disconnects.
import { type AnyCatalog, showsIndicator } from '@millrace/contract';
import type { GrantedRoom } from '../access/room-guard.js';
import type { User } from '../auth/token-verifier.js';
import {
  checkRate,
  checkTenantRate,
  type EventsHubDependencies,
  publish,
  stopTyping,
} from '../hub/events-hub.js';
import { TYPING } from '../indicators/room-indicators.js';
import type { ViewContext } from './view-context.js';

/** The parts of the gateway's own hub that publishing uses, so that all hubs share budgets and typing. */
export type PublishingDependencies = Pick<
  EventsHubDependencies,
  | 'publisher'
  | 'rooms'
  | 'activeTyping'
  | 'rateLimit'
  | 'tenantRate'
  | 'ownerKeyOf'
  | 'monotonicMs'
  | 'onRateLimited'
  | 'onTenantRateLimited'
>;

/** An event of a client. */
export interface ClientEvent {
  readonly type: string;
  readonly roomId: GrantedRoom;
  readonly payload: unknown;
}

/** See the comment at the top of this file. */
export class ViewPublishing {
  readonly #dependencies: PublishingDependencies;
  readonly #catalog: AnyCatalog;

  constructor(dependencies: PublishingDependencies, catalog: AnyCatalog) {
    this.#dependencies = dependencies;
    this.#catalog = catalog;
  }

  /**
   * Publishes an event to a room that its user may enter.
   * @throws HubError (as a rejection) if the user sends too many events, or the event is invalid or was not stored
   */
  async publish(context: ViewContext, { type, roomId, payload }: ClientEvent): Promise<void> {
    const dependencies = this.#dependencies;
    checkRate(dependencies, context);
    checkTenantRate(dependencies, roomId);
    const indicator = this.#catalog.find(type)?.indicator;
    const isTyping = indicator?.name === TYPING && this.#catalog.parsePayload(type, payload).ok;
    if (isTyping) {
      const { activeTyping, monotonicMs } = dependencies;
      activeTyping.update(context.user.userId, roomId, showsIndicator(indicator, payload), monotonicMs());
    }
    await publish(dependencies, type, roomId, payload);
  }

  /** Called when a connection has opened. */
  connected({ userId }: User): void {
    this.#dependencies.activeTyping.connected(userId);
  }

  /** Called when a connection has ended. Ends the typing of a user without another connection. Never rejects. */
  disconnected(user: User): Promise<void> {
    return stopTyping(this.#dependencies, user);
  }
}
