// Checks whether Redis keeps its data, and whether it accepts events: at the start, after a reconnection and at readiness requests.
// Redis may evict keys when its memory is full, and may lose all its data when it restarts.
import type { Broker, StoreSettings } from '@millrace/broker';
import type { Logger } from '../telemetry/logger.js';

/** Minimum time between two checks. Orchestrators request readiness often, and the settings hardly ever change. */
const minSpacingMs = 5_000;

/** A setting with which Redis may lose data, or a state in which it refuses all. */
interface Risk {
  /** The setting and its safe value, as a statement. */
  readonly remedy: string;
  /** Returns the present value for the log. `undefined` if the Redis user lacks the right to read it. */
  valueOf(settings: StoreSettings): string | undefined;
  /** Returns the advice for an unsafe value, and `undefined` for a safe value. */
  adviceFor(value: string): string | undefined;
  readonly textWhenSafe: string;
}

/** Advice for a Redis that refuses every event, by the cause. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ['memory', 'Redis is out of memory and refuses every event. Raise maxmemory, or delete what fills it.'],
  ['disk', 'Redis cannot write to its disk and refuses every event. Its log contains the reason.'],
]);

const RISKS: readonly Risk[] = [
  {
    remedy: 'maxmemory-policy is noeviction',
    valueOf: ({ evictionPolicy }) => evictionPolicy,
    adviceFor: (policy) =>
      policy === 'noeviction'
        ? undefined
        : `Redis evicts keys when its memory is full (maxmemory-policy ${policy}): repeats are stored again, and streams may be lost. ` +
          'Set maxmemory-policy to noeviction.',
    textWhenSafe: 'Redis no longer evicts keys when its memory is full',
  },
  {
    remedy: 'appendonly is yes',
    valueOf: ({ isPersistent }) => (isPersistent === undefined ? undefined : isPersistent ? 'on' : 'off'),
    adviceFor: (persistence) =>
      persistence === 'on'
        ? undefined
        : 'Redis writes nothing to its disk (no appendonly, no save): a restart loses all stored events, and clients must reload. ' +
          'Set appendonly to yes.',
    textWhenSafe: 'Redis writes its data to its disk now',
  },
  {
    remedy: 'Redis accepts events',
    valueOf: ({ refusesWritesFor = 'nothing' }) => refusesWritesFor,
    adviceFor: (cause) => REFUSALS.get(cause),
    textWhenSafe: 'Redis accepts events again',
  },
];

/** Logs each risk when it appears and when it is gone. Provides the advice that `/readyz` shows under `details`. */
export class StoreWatch {
  readonly #broker: Pick<Broker, 'storeSettings' | 'state' | 'kind'>;
  readonly #logger: Logger;
  readonly #monotonicMs: () => number;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  /** The advice for each risk that was found by the last check. */
  #advice: ReadonlyMap<Risk, string> = new Map();
  #isFirst = true;

  constructor(
    broker: Pick<Broker, 'storeSettings' | 'state' | 'kind'>,
    logger: Logger,
    monotonicMs: () => number,
  ) {
    this.#broker = broker;
    this.#logger = logger;
    this.#monotonicMs = monotonicMs;
  }

  /** Advice to the operator. Empty when there is nothing to do. */
  get details(): readonly string[] {
    return [...this.#advice.values()];
  }

  /** Starts a check, unless the broker is not ready or the last check began less than 5 s ago. */
  refresh(): void {
    if (this.#broker.state !== 'ready' || this.#monotonicMs() - this.#checkedAtMs < minSpacingMs) return;
    void this.check();
  }

  /** Reads the settings. Never rejects. A failed check is repeated later. */
  async check(): Promise<void> {
    // The in-memory broker evicts nothing, and its welcome text says that it keeps nothing.
    if (this.#broker.kind === 'memory') return;
    this.#checkedAtMs = this.#monotonicMs();
    try {
      this.#note(await this.#broker.storeSettings());
    } catch (error) {
      this.#logger.debug({ err: error }, 'the settings of Redis could not be read');
    }
  }

  #note(settings: StoreSettings): void {
    const before = this.#advice;
    const advice = new Map<Risk, string>();
    const unknown: string[] = [];
    for (const risk of RISKS) {
      const value = risk.valueOf(settings);
      const text = value === undefined ? undefined : risk.adviceFor(value);
      if (value === undefined) unknown.push(risk.remedy);
      if (text !== undefined) advice.set(risk, text);
      if (text !== undefined && before.get(risk) !== text) this.#logger.warn(text);
      if (value !== undefined && text === undefined && before.has(risk)) this.#logger.info(risk.textWhenSafe);
    }
    this.#advice = advice;
    if (this.#isFirst && unknown.length > 0) {
      this.#logger.info(
        `the Redis user may not look up all settings (INFO, CONFIG GET): make sure that ${unknown.join(' and that ')}`,
      );
    }
    this.#isFirst = false;
  }
}
