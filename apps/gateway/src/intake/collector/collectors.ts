// The collectors of all patterns of an application.
import { type Broker, connectSourceStreams } from '@millrace/broker';
import type { Clock } from '@millrace/internal';
import type { RedisConnectionOptions } from '../../broker/redis-connection-options.js';
import type { Logger } from '../../telemetry/logger.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { IntakeRule, PatternRule } from '../rule.js';
import { Collector } from './collector.js';
import { prefixOf } from './pattern.js';

/** Dependencies of {@link Collectors}. */
export interface CollectorsDependencies {
  readonly rules: Readonly<Record<string, IntakeRule | PatternRule | undefined>>;
  readonly redis: RedisConnectionOptions;
  readonly keyPrefix: string;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'intakeStreams' | 'intakeStreamsIgnored'>;
  readonly logger: Logger;
}

/** Starts one collector for each pattern. Start it once and stop it once. */
export class Collectors {
  readonly #dependencies: CollectorsDependencies;
  readonly #running: Collector[] = [];

  constructor(dependencies: CollectorsDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws BrokerError when Redis cannot be reached */
  async start(): Promise<void> {
    for (const [name, rule] of Object.entries(this.#dependencies.rules))
      if (rule !== undefined && 'into' in rule) await this.#startOne(name, rule.into);
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    await Promise.all(this.#running.map((collector) => collector.stop()));
  }

  async #startOne(name: string, into: string): Promise<void> {
    const { redis, keyPrefix, broker, clock, metrics, logger } = this.#dependencies;
    let isOver = false;
    const collector = new Collector({
      pattern: { prefix: prefixOf(name), into },
      broker,
      clock,
      sources: await connectSourceStreams({ ...redis, keyPrefix, broker, clock }),
      onFound: (streams, ignored) => {
        metrics.intakeStreams.set({ rule: name }, streams);
        metrics.intakeStreamsIgnored.set({ rule: name }, ignored);
        if (ignored > 0 && !isOver)
          logger.warn(
            { pattern: name, streams, ignored },
            'more streams match the pattern than can be read: delete streams that are no longer used, or use several patterns',
          );
        isOver = ignored > 0;
      },
      onTrouble: (reason) => {
        if (reason === undefined)
          logger.info({ pattern: name }, 'the streams of the pattern can be read again');
        else logger.warn({ pattern: name, reason }, 'the streams of the pattern cannot be read');
      },
    });
    this.#running.push(collector);
    collector.start();
  }
}
