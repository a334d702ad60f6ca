// Watches for a store that throws keys away when its memory is full: looks at start, after it was away, and when readiness is asked for.
import type { Broker } from '@millrace/broker';
import type { Logger } from '../telemetry/logger.js';

/** Readiness is asked for often; the policy changes once in years. */
const minSpacingMs = 5_000;

/** Tells of a policy in the log when it changes, and as a sentence whenever it is asked. */
export class EvictionWatch {
  readonly #broker: Pick<Broker, 'evictionPolicy' | 'state'>;
  readonly #logger: Logger;
  readonly #monotonicMs: () => number;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** `undefined`: it cannot be known, or was not looked up yet. */
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

  /** Looks again unless it has just looked. Nobody needs to wait for it. */
  refresh(): void {
    if (this.#broker.state !== 'ready' || this.#monotonicMs() - this.#lookedAtMs < minSpacingMs) return;
    void this.look();
  }

  /** Never rejects: a broker that cannot be asked is asked again. */
  async look(): Promise<void> {
    this.#lookedAtMs = this.#monotonicMs();
    try {
      this.#note(await this.#broker.evictionPolicy());
    } catch (error) {
      this.#logger.debug({ err: error }, 'maxmemory-policy was not looked up');
    }
  }

  #note(policy: string | undefined): void {
    const before = this.#policy;
    const isFirst = this.#isFirst;
    this.#policy = policy;
    this.#isFirst = false;
    if (policy === undefined) {
      if (isFirst)
        this.#logger.debug('the user of Redis may not look maxmemory-policy up: it must be noeviction');
      return;
    }
    if (policy === before) return;
    if (policy !== 'noeviction') this.#logger.warn({ policy }, textOf(policy));
    else if (!isFirst) this.#logger.info({ policy }, 'Redis keeps its keys when its memory is full');
  }
}

function textOf(policy: string): string {
  return (
    `Redis throws keys away when its memory is full (maxmemory-policy ${policy}): repeats are stored again, and streams may be lost. ` +
    'Set maxmemory-policy to noeviction.'
  );
}
