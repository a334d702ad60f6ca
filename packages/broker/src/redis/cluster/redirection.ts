// Decides what to do after an error reply of a cluster node. A redirected command was not executed, so it is safe to send it
// again. Pure.
import type { BrokerError } from '../../errors.js';
import { isErrorReply } from '../connection/redis-errors.js';
import type { NodeAddress } from '../connection/redis-url.js';
import { addressOf } from './slot-map.js';

/** The next step after a failure. */
export type Reaction =
  /** The slot has another master from now on. */
  | { readonly kind: 'moved'; readonly slot: number; readonly address: NodeAddress }
  /** Only this command goes to another node: the key was moved, but not its slot yet. */
  | { readonly kind: 'ask'; readonly address: NodeAddress }
  /** Some of the keys were moved, others not yet. Try again later. */
  | { readonly kind: 'again' }
  /** The node reports that the cluster is down or does not serve this slot. */
  | { readonly kind: 'down' }
  /** Sending the command to another node would not help. */
  | { readonly kind: 'fail' };

const REDIRECTION = /^(MOVED|ASK) (\d{1,5}) (\S*):(\d{1,5})$/;

/**
 * Returns the next step after this error.
 * @param answeredBy the node that answered with the error
 */
export function reactionTo(error: BrokerError, answeredBy: NodeAddress): Reaction {
  const { cause } = error;
  if (!isErrorReply(cause)) return { kind: 'fail' };
  const [, word, slot, host, port] = REDIRECTION.exec(cause.message) ?? [];
  if (word !== undefined) {
    const address = addressOf(host, Number(port), answeredBy);
    return word === 'ASK' ? { kind: 'ask', address } : { kind: 'moved', slot: Number(slot), address };
  }
  if (cause.message.startsWith('TRYAGAIN')) return { kind: 'again' };
  return { kind: cause.message.startsWith('CLUSTERDOWN') ? 'down' : 'fail' };
}
