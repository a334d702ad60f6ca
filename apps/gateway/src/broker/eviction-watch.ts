// Checks whether Redis evicts keys when its memory is full: at start, after a reconnection, and when readiness is requested.
import type { Broker } from '@millrace/broker';
import type { Logger } from '../telemetry/logger.js';

/** Minimum time between two checks. Orchestrators request readiness often, and the policy hardly ever changes. */
const minSpacingMs = 5_000;

/** Logs the eviction policy when it changes, and provides the advice that `/readyz` shows under `details`. */
export class EvictionWatch {
  readonly #broker: Pick<Broker, 'evictionPolicy' | 'state'>;
  readonly #logger: Logger;
  readonly #monotonicMs: () => number;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  /** `undefined` if the policy was not read yet, or if the Redis user may not read it. */
  #policy: string | undefined;
  #isFirst = true;

  constructor(broker: Pick<Broker, 'evictionPolicy' | 'state'>, logger: Logger, monotonicMs: () => number) {
    this.#broker = broker;
    this.#logger = logger;
    this.#monotonicMs = monotonicMs;
  }

  /** Advice to the operator; empty when there is nothing to do. */
  get details(): readonly string[] {
    return this.#policy === undefined || this.#policy === 'noeviction' ? [] : [textOf(this.#policy)];
  }

  /** Starts a check, unless the broker is not ready or the last check began less than 5 s ago. */
  refresh(): void {
    if (this.#broker.state !== 'ready' || this.#monotonicMs() - this.#checkedAtMs < minSpacingMs) return;
    void this.check();
  }

  /** Reads the policy. Never rejects: a failed check is repeated later. */
  async check(): Promise<void> {
    this.#checkedAtMs = this.#monotonicMs();
    try {
      this.#note(await this.#broker.evictionPolicy());
    } catch (error) {
      this.#logger.debug({ err: error }, 'maxmemory-policy could not be read');
    }
  }

  #note(policy: string | undefined): void {
    const before = this.#policy;
    const isFirst = this.#isFirst;
    this.#policy = policy;
    this.#isFirst = false;
    if (policy === undefined) {
      if (isFirst)
        this.#logger.debug('the Redis user may not read maxmemory-policy: make sure that it is noeviction');
      return;
    }
    if (policy === before) return;
    if (policy !== 'noeviction') this.#logger.warn({ policy }, textOf(policy));
    else if (!isFirst) this.#logger.info({ policy }, 'Redis no longer evicts keys when its memory is full');
  }
}

function textOf(policy: string): string {
  return (
    `Redis evicts keys when its memory is full (maxmemory-policy ${policy}): repeats are stored again, and streams may be lost. ` +
    'Set maxmemory-policy to noeviction.'
  );
}
