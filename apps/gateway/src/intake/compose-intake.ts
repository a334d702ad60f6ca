// Creates the intake of a gateway, and the collectors of its patterns.
import type { Broker } from '@millrace/broker';
import type { AnyCatalog } from '@millrace/contract';
import { systemClock } from '@millrace/internal';
import type { EntryIntake } from '@millrace/publisher';
import type { Application } from '../application/application.js';
import type { RedisConnectionOptions } from '../broker/redis-connection-options.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { Collectors } from './collector/collectors.js';
import { hasPattern } from './collector/pattern.js';
import { Intake } from './intake.js';

/** The intake as its users need it. Empty if no stream has a rule. */
export interface ComposedIntake {
  readonly intake?: Intake;
  /** The option of the publisher, which also erases. */
  readonly ofPublisher?: EntryIntake;
}

/** Creates the intake of the application's rules. */
export function composeIntake({ app }: Pick<ResolvedGatewayOptions, 'app'>): ComposedIntake {
  if (app?.intake === undefined) return {};
  const intake = new Intake(app.intake);
  return { intake, ofPublisher: readBy(intake) };
}

/**
 * Returns the option `intake` for a publisher in another program that uses the application's streams. The publisher then marks its
 * events, so that no intake rule changes them. Its `erase` also finds the events that the rules produce for entries of other programs.
 * Without intake rules, the option names no stream.
 *
 * @example
 * ```ts
 * import app from './app.mjs';
 * const publisher = await connectPublisher({ redisUrl, catalog: app.catalog, intake: entryIntakeOf(app) });
 * await publisher.erase({ eventId }); // also an ID that the gateways made
 * ```
 * @beta
 */
export function entryIntakeOf({ intake = {} }: Pick<Application<AnyCatalog>, 'intake'>): EntryIntake {
  return readBy(new Intake(intake));
}

function readBy(intake: Intake): EntryIntake {
  return { streams: intake.streams, readEntry: (stream, entry) => intake.takeIfPossible(stream, entry) };
}

/** Dependencies of {@link composeCollectors}. */
export interface CollectorsOptions {
  readonly options: ResolvedGatewayOptions;
  readonly redis: RedisConnectionOptions | undefined;
  readonly broker: Broker;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Creates the collectors, or returns `undefined` if the application has no pattern. */
export function composeCollectors({
  options,
  redis,
  broker,
  metrics,
  logger,
}: CollectorsOptions): Collectors | undefined {
  const rules = options.app?.intake ?? {};
  // `resolveOptions` has refused patterns without Redis.
  if (redis === undefined || !hasPattern(rules)) return undefined;
  const { redisKeyPrefix: keyPrefix } = options;
  return new Collectors({ rules, redis, keyPrefix, broker, clock: systemClock, metrics, logger });
}
