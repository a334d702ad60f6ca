// Reads the eviction policy of Redis (`maxmemory_policy`) from INFO.
import { BrokerError } from '../errors.js';
import { asText } from './calls/replies.js';
import type { CommandRouter } from './routing/command-router.js';

/**
 * Returns the eviction policy; see `Broker.evictionPolicy`.
 * @param keys INFO is sent to the server of each of these keys
 */
export async function readEvictionPolicy(
  router: CommandRouter,
  keys: readonly string[],
): Promise<string | undefined> {
  try {
    const replies = await Promise.all(keys.map((key) => router.command(key, ['INFO', 'memory'])));
    const policies = replies.map((text) => /^maxmemory_policy:(\S+)/m.exec(asText(text))?.[1]);
    // If a node of a cluster evicts keys, the result is the policy of the first such node.
    return policies.find((policy) => policy !== undefined && policy !== 'noeviction') ?? policies[0];
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'refused') return undefined;
    throw error;
  }
}
