// Asks one Sentinel where the master is.
import type { Clock } from '@millrace/internal';
import { BrokerError, brokerClosed } from '../../errors.js';
import { asArray, asText } from '../calls/replies.js';
import type { Endpoint } from '../connection/redis-target.js';
import type { NodeAddress } from '../connection/redis-url.js';
import { authCommands, RespClient } from '../resp/resp-client.js';

/** The answer of a Sentinel. */
export interface MasterAnswer {
  readonly address: NodeAddress;
  /**
   * Number of the failover that made this server the master. A higher number is newer. 0 if the Sentinel's user may not read
   * it.
   */
  readonly epoch: number;
}

/**
 * Asks over a separate connection, which is closed after the answer. @throws an error if the Sentinel names
 * no master in time
 */
export async function askSentinel(
  sentinel: Endpoint,
  masterName: string,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<MasterAnswer> {
  const client = new RespClient(sentinel, { clock, onErrorReply: () => {}, onEnd: () => {} });
  const send = (args: readonly string[]): Promise<unknown> => client.send(args, timeoutMs);
  try {
    // The commands are sent without waiting for replies. CLIENT SETNAME is left out, because a Sentinel may refuse it.
    const login = authCommands(sentinel).map(send);
    const address = send(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName]);
    const epoch = send(['SENTINEL', 'MASTER', masterName]).then(epochIn, () => 0);
    // A refused login is reported first. It is the reason why the other commands fail.
    await Promise.all([...login, address]);
    return { address: addressIn(await address, masterName), epoch: await epoch };
  } finally {
    client.end(brokerClosed());
  }
}

function addressIn(reply: unknown, masterName: string): NodeAddress {
  if (reply === null) {
    throw new BrokerError('refused', `knows no master with the name ${masterName}`);
  }
  const [host, port] = asArray(reply).map(asText);
  if (host === undefined || !/^\d{1,5}$/.test(port ?? ''))
    throw new BrokerError('refused', 'gave an answer that is not an address');
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Reads the epoch from the reply to SENTINEL MASTER, a list of alternating names and values. */
function epochIn(reply: unknown): number {
  const items = asArray(reply);
  const at = items.indexOf('config-epoch');
  return at < 0 ? 0 : Number(items[at + 1]) || 0;
}
