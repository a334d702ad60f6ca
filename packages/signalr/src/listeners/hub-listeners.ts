/*
 * Lets an application serve its own HTTP routes as listeners of a hub. A listener is a connection that only receives. Like
 * every other connection, it is in groups, receives messages, counts against limits, and is drained.
 */
import { randomBytes } from 'node:crypto';
import type { ClientBudgets } from '../budgets/client-budgets.js';
import type { RefusalDelay } from '../budgets/refusal-delay.js';
import type { RequestInfo } from '../connection/request-info.js';
import type { Ticker } from '../connection/ticker.js';
import type { Authenticated } from '../http/authenticate.js';
import type { ConnectionRunner } from '../http/connection-runner.js';
import type { HubContext } from '../hub/hub-context.js';
import type { Hub } from '../hub/mapped-hub.js';
import { type ListenerEncoding, protocolOf } from './listener-encoding.js';
import type { ListenerOutput } from './listener-output.js';

/** A request of a client that the application has authenticated. @beta */
export interface ListenerClient<User> {
  readonly request: RequestInfo;
  readonly identity: Authenticated<User>;
}

/** The reason why a request is refused now, and the milliseconds after which it may be repeated. @beta */
export interface ListenerRefusal {
  readonly reason: 'server_closed' | 'rate_limited' | 'too_many_connections_of_client';
  readonly retryAfterMs: number;
}

/** The listeners of a hub. @beta */
export interface HubListeners<Client, User, Items> {
  /** False while the server is draining or closing. Then no listener is opened. */
  readonly isAccepting: boolean;
  /**
   * Charges a request to its client's budget (`clientLimits`). Resolves with a refusal if the request must not be served.
   * @param opens true if the request opens a listener. It then costs as much as any other new connection and counts against
   *   the maximum number of connections
   */
  charge(client: ListenerClient<User>, opens: boolean): Promise<ListenerRefusal | undefined>;
  /**
   * Opens a listener. Call `charge` first. The hub's `onConnected` runs as for every connection. Then `onOpen` runs with the
   * same context. An error of `onOpen` closes the connection. `encoding` writes every call that is sent to the connection.
   * Never throws.
   */
  open(
    client: ListenerClient<User>,
    output: ListenerOutput,
    listener: {
      readonly encoding: ListenerEncoding;
      onOpen(context: HubContext<Client, User, Items>): Promise<void>;
    },
  ): void;
}

/** A hub that can also have listeners. @beta */
export interface ListenableHub<Client, User, Items> extends Hub<Client> {
  readonly listeners: HubListeners<Client, User, Items>;
}

/** The delay after which a client with too many connections may try again. */
const FULL_RETRY_MS = 10_000;

/** The delay after which a client may try again while the server closes. Another server may accept it at once. */
const CLOSED_RETRY_MS = 1_000;

/** Constructor dependencies of {@link EndpointListeners}. */
export interface EndpointListenersDependencies {
  readonly runner: Pick<ConnectionRunner, 'begin'>;
  /** `undefined` if the hub has no `clientLimits`. */
  readonly budgets: ClientBudgets | undefined;
  readonly refusalDelay: RefusalDelay;
  readonly ticker: Pick<Ticker, 'monotonicMs'>;
  readonly costOfConnection: number;
  readonly isAccepting: () => boolean;
}

/** See {@link HubListeners}. The types of the hub are those of the endpoint's application. */
export class EndpointListeners<Client, User, Items> implements HubListeners<Client, User, Items> {
  readonly #dependencies: EndpointListenersDependencies;

  constructor(dependencies: EndpointListenersDependencies) {
    this.#dependencies = dependencies;
  }

  get isAccepting(): boolean {
    return this.#dependencies.isAccepting();
  }

  async charge(
    { request, identity }: ListenerClient<User>,
    opens: boolean,
  ): Promise<ListenerRefusal | undefined> {
    const { budgets, ticker, costOfConnection, refusalDelay } = this.#dependencies;
    if (!this.isAccepting) return { reason: 'server_closed', retryAfterMs: CLOSED_RETRY_MS };
    const budget = budgets?.of(request, identity);
    const cost = opens ? costOfConnection : 1;
    const waitMs = budget?.takeForConnection(ticker.monotonicMs(), cost) ?? 0;
    const refusal: ListenerRefusal | undefined =
      waitMs > 0
        ? { reason: 'rate_limited', retryAfterMs: waitMs }
        : opens && budget?.isFullOfConnections === true
          ? { reason: 'too_many_connections_of_client', retryAfterMs: FULL_RETRY_MS }
          : undefined;
    if (refusal !== undefined) await refusalDelay.wait();
    return refusal;
  }

  open(
    { request, identity }: ListenerClient<User>,
    output: ListenerOutput,
    listener: {
      readonly encoding: ListenerEncoding;
      onOpen(context: HubContext<Client, User, Items>): Promise<void>;
    },
  ): void {
    const { runner, budgets } = this.#dependencies;
    const connectionId = randomBytes(16).toString('base64url');
    const stored = {
      ids: { connectionId, connectionToken: connectionId },
      isResumable: false,
      isFor: () => false,
      attached: undefined,
    };
    const client = { info: request, principal: identity, budget: budgets?.of(request, identity) };
    runner.begin(output, stored, client, {
      protocol: protocolOf(listener.encoding),
      // The cast is safe, because the endpoint's own hub passes its own context.
      onOpen: (context) => listener.onOpen(context as HubContext<Client, User, Items>),
    });
  }
}
