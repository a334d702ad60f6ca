// Describes a failure of the broker at the start in one line, with cause and remedy, for the person who started the gateway
// or the command.

import { BrokerError, explainRedisFailure } from '@millrace/broker';
import { messageOf } from '@millrace/internal';
import { GatewayError } from '../errors.js';

/** Describes the failure in one line, with its cause and the remedy. The broker is in memory without a `redisUrl`. */
export async function explainBrokerFailure(
  cause: unknown,
  redisUrl: string | undefined,
): Promise<GatewayError> {
  if (cause instanceof BrokerError && cause.code === 'partitions_differ') {
    const remedy = 'Set MILLRACE_PARTITIONS to the stored number, or leave it unset.';
    return new GatewayError('partitions_differ', `${cause.message}. ${remedy}`, { cause });
  }
  if (cause instanceof BrokerError && cause.code === 'foreign_group') {
    const remedy = 'The setting is MILLRACE_CONSUMER_GROUP.';
    return new GatewayError('foreign_group', `${cause.message}. ${remedy}`, { cause });
  }
  if (cause instanceof BrokerError && cause.code === 'layout_differs')
    return new GatewayError('layout_differs', `${cause.message}.${settingsIn(cause.message)}`, { cause });
  if (redisUrl === undefined) {
    const reason = messageOf(cause);
    return new GatewayError('broker_unavailable', `The in-memory broker does not start: ${reason}`, {
      cause,
    });
  }
  const { message } = await explainRedisFailure(cause, redisUrl);
  return new GatewayError('broker_unavailable', `${message}${settingsIn(message)}`, { cause });
}

/** Names the settings of the options that a message mentions. */
function settingsIn(message: string): string {
  return SETTINGS_OF.flatMap(([words, setting]) => (message.includes(words) ? ` ${setting}` : [])).join('');
}

/** The broker's words for its options, and the settings that give these options. */
const SETTINGS_OF: readonly (readonly [words: string, setting: string])[] = [
  ['the Redis URL', 'The Redis URL is MILLRACE_REDIS_URL.'],
  ['the TLS CA', 'The file of the TLS CA is MILLRACE_REDIS_TLS_CA_FILE.'],
  ['the TLS certificate', 'The files are MILLRACE_REDIS_TLS_CERT_FILE and MILLRACE_REDIS_TLS_KEY_FILE.'],
  ['a key prefix', 'The key prefix is MILLRACE_REDIS_KEY_PREFIX.'],
  ['the TLS server name', 'The TLS server name is MILLRACE_REDIS_TLS_SERVER_NAME.'],
];
