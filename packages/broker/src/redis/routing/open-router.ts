// Opens connections to Redis beside those of the broker. They carry no events of declared streams.
import { systemClock } from '@millrace/internal';
import type { RedisTarget } from '../connection/redis-target.js';
import type { CommandRouter, RouterOptions } from './command-router.js';
import { DetectingRouter } from './detecting-router.js';

/** Options of {@link openRouter}. */
export interface OpenRouterOptions extends Pick<RouterOptions, 'clientName'> {
  /** @defaultValue 10_000 */
  readonly connectTimeoutMs?: number | undefined;
  /** @defaultValue 2_000 */
  readonly commandTimeoutMs?: number | undefined;
  /** @defaultValue systemClock */
  readonly clock?: RouterOptions['clock'];
  /** @defaultValue changes are not reported */
  readonly onStateChange?: RouterOptions['onStateChange'] | undefined;
}

/** Connects to a single server or a cluster. @throws BrokerError `unavailable` or `refused`. Nothing stays open then */
export async function openRouter(
  target: RedisTarget,
  {
    clientName,
    connectTimeoutMs = 10_000,
    commandTimeoutMs = 2_000,
    clock = systemClock,
    onStateChange = () => {},
  }: OpenRouterOptions,
): Promise<CommandRouter> {
  const router = new DetectingRouter(target, {
    clientName,
    connectTimeoutMs,
    commandTimeoutMs,
    clock,
    // Only the broker's own streams have epochs.
    settlementOf: () => undefined,
    onStateChange,
  });
  try {
    await router.open();
  } catch (error) {
    router.close();
    throw error;
  }
  return router;
}
