// Turns a failure of the broker at start into one line, with cause and remedy, for the person who started the gateway or the
// command.
import { BrokerError, explainRedisFailure } from '@millrace/broker';
import { GatewayError } from '../errors.js';

/** Describes the failure in one line, with its cause and the remedy. Without a `redisUrl` the broker is in memory. */
export async function explainBrokerFailure(
  cause: unknown,
  redisUrl: string | undefined,
): Promise<GatewayError> {
  if (cause instanceof BrokerError && cause.code === 'partitions_differ') {
    const remedy = 'Set MILLRACE_PARTITIONS to the stored number, or leave it unset.';
    return new GatewayError('partitions_differ', `${cause.message}. ${remedy}`, { cause });
  }
  if (cause instanceof BrokerError && cause.code === 'layout_differs')
    return new GatewayError('layout_differs', `${cause.message}.`, { cause });
  if (redisUrl === undefined) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new GatewayError('broker_unavailable', `The in-memory broker does not start: ${reason}`, {
      cause,
    });
  }
  const { message } = await explainRedisFailure(cause, redisUrl);
  const setting = message.includes('the Redis URL') ? ' The Redis URL is MILLRACE_REDIS_URL.' : '';
  return new GatewayError('broker_unavailable', `${message}${setting}`, { cause });
}
