/*
 * The dependencies of one client's connection.
 */
import type { ConnectionBudget } from '../budgets/connection-budget.js';
import type { Transport } from '../transports/transport.js';
import type { ConnectionLimits } from './connection-limits.js';
import type { ConnectionObserver } from './connection-owner.js';
import type { Ticker } from './ticker.js';

/** Constructor dependencies of `HubConnection`. */
export interface HubConnectionDependencies<Connection> {
  readonly transport: Transport;
  readonly limits: ConnectionLimits;
  readonly ticker: Pick<Ticker, 'monotonicMs' | 'wallMs'>;
  readonly observer: ConnectionObserver<Connection>;
  /** Limits what the client may send. @defaultValue no limit */
  readonly budget?: ConnectionBudget | undefined;
}
