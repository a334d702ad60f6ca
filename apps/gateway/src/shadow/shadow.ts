// Watches the streams of an application beside the service that reads them, and compares what a gateway would deliver with what that
// service acknowledges. Only reads from Redis.
import { BrokerError, type GroupReader } from '@millrace/broker';
import { type Clock, pause } from '@millrace/internal';
import { EntryPlanner, type EntryPlannerOptions } from './entry-plan.js';
import { createReport, type ShadowReport } from './shadow-report.js';
import { ShadowStreams } from './shadow-streams.js';

/** Options of {@link Shadow}. */
export interface ShadowOptions extends EntryPlannerOptions {
  readonly reader: GroupReader;
  /** Consumer group of the other service. */
  readonly group: string;
  readonly clock: Clock;
  /** Time between two looks at the streams, in milliseconds. @defaultValue 500 */
  readonly lookEveryMs?: number;
  /** Called when Redis cannot be asked, and when it can be asked again (`undefined`). */
  readonly onStateChange: (failure: BrokerError | undefined) => void;
}

/** A running comparison. */
export class Shadow {
  readonly #options: ShadowOptions;
  readonly #streams: ShadowStreams;
  #beganMs: number | undefined;
  #failure: BrokerError | undefined;

  constructor(options: ShadowOptions) {
    this.#options = options;
    const { catalog, intake, reader, group, clock } = options;
    const planner = new EntryPlanner(options);
    this.#streams = new ShadowStreams({ catalog, intake, reader, group, planner, clock });
  }

  /** Fixes where the comparison begins. @throws BrokerError if Redis cannot be asked */
  async begin(): Promise<void> {
    await this.look();
    this.#beganMs = this.#options.clock.monotonicMs();
  }

  /** Looks at the streams until the signal fires. While Redis is unavailable, it waits; missed entries are counted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, lookEveryMs = 500 } = this.#options;
    while (!signal.aborted) {
      await pause(clock, lookEveryMs, signal);
      await this.#lookIfPossible();
    }
  }

  /** Looks at all streams once. @throws BrokerError if Redis cannot be asked */
  async look(): Promise<void> {
    await this.#streams.search();
    // One stream after the other, so that the memory for one page is enough.
    for (const watch of this.#streams.watches) await watch.look();
  }

  /** Returns the result so far. */
  report(): ShadowReport {
    const { clock, group } = this.#options;
    const seconds = (clock.monotonicMs() - (this.#beganMs ?? clock.monotonicMs())) / 1_000;
    const { watches, notCompared, ignoredSources } = this.#streams;
    return createReport(watches, { group, seconds, nowMs: clock.wallMs(), notCompared, ignoredSources });
  }

  async #lookIfPossible(): Promise<void> {
    try {
      await this.look();
      this.#note(undefined);
    } catch (error) {
      if (!(error instanceof BrokerError) || !error.isTransient) throw error;
      this.#note(error);
    }
  }

  #note(failure: BrokerError | undefined): void {
    const isChanged = (failure === undefined) !== (this.#failure === undefined);
    this.#failure = failure;
    if (isChanged) this.#options.onStateChange(failure);
  }
}
