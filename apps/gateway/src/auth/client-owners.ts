// Names the owner of each client's budget: the user, or the address of a client that is not signed in.
import type { BudgetOwner, RequestInfo } from '@millrace/signalr';
import { ClientAddresses, limitedPartOf } from '../http/client-address.js';
import type { User } from './token-verifier.js';

/** Dependencies of {@link ClientOwners}. */
export interface ClientOwnersDependencies {
  readonly trustedProxies: readonly string[];
  /** Number of users for whom one address stands. */
  readonly usersPerAddress: number;
  /** Called once, for the first request through a proxy that is not trusted. */
  onUndeclaredProxy(address: string): void;
}

/** The client of a request. A client without a name has no user ID yet when it negotiates. */
export interface Client {
  readonly userId: string | null;
  readonly user: User | undefined;
}

const undeclaredProxyDetail =
  'Requests come through a proxy that MILLRACE_TRUSTED_PROXIES does not name: limits per address are off. Name the proxies, or set it ' +
  'to `none` if there are none.';

/** Names the owners of budgets. */
export class ClientOwners {
  readonly #dependencies: ClientOwnersDependencies;
  readonly #addresses: ClientAddresses;
  #hasUndeclaredProxy = false;

  constructor(dependencies: ClientOwnersDependencies) {
    this.#dependencies = dependencies;
    this.#addresses = new ClientAddresses(dependencies.trustedProxies);
  }

  /** Conditions that an operator should correct: an undeclared proxy. Empty if none was seen. */
  get details(): readonly string[] {
    return this.#hasUndeclaredProxy ? [undeclaredProxyDetail] : [];
  }

  /** Returns the owner, or `undefined` if the client is not signed in and its address is unknown. */
  of(request: RequestInfo, { userId, user }: Client): BudgetOwner | undefined {
    const address = this.#addresses.of(request);
    if (address.kind === 'undeclared_proxy') this.#noteUndeclaredProxy(request.remoteAddress ?? '');
    if (userId !== null && user?.isAnonymous !== true) return { key: `user ${userId}` };
    if (address.kind !== 'known') return undefined;
    return {
      key: `address ${limitedPartOf(address.address)}`,
      userCount: this.#dependencies.usersPerAddress,
    };
  }

  #noteUndeclaredProxy(address: string): void {
    if (this.#hasUndeclaredProxy) return;
    this.#hasUndeclaredProxy = true;
    this.#dependencies.onUndeclaredProxy(address);
  }
}
