// Finds the master through its Sentinels.
import { type Clock, pause } from '@millrace/internal';
import { brokerClosed } from '../../errors.js';
import type { Endpoint, RedisTarget } from '../connection/redis-target.js';
import type { NodeAddress } from '../connection/redis-url.js';
import type { ServerLocator } from '../connection/server-locator.js';
import { type SentinelFailure, sentinelsFailed } from '../explain/explain-sentinels.js';
import { askSentinel, type MasterAnswer } from './ask-sentinel.js';
import { SwitchWatch } from './switch-watch.js';

/** Maximum time for the answer of one Sentinel, in milliseconds. */
const ASK_TIMEOUT_MS = 1_000;
/**
 * Milliseconds that the other Sentinels have after most of them have answered. Without this limit, one silent Sentinel would
 * delay every connection by the whole deadline.
 */
const GRACE_MS = 100;
/**
 * Maximum milliseconds of one attempt to connect to the master. They are few, because a failover may replace a master that
 * accepts connections but does not answer.
 */
const ATTEMPT_TIMEOUT_MS = 2_000;

/**
 * Asks all Sentinels at the same time, and uses the answer with the highest epoch. A Sentinel that is cut off from the others
 * may still name the old master. Therefore an answer older than the last used one is ignored, too, unless most Sentinels have
 * answered. The connection itself checks that the server is a master.
 */
export class MasterLocator implements ServerLocator {
  readonly isMasterRequired = true;
  readonly attemptTimeoutMs = ATTEMPT_TIMEOUT_MS;
  readonly #target: RedisTarget;
  readonly #clock: Clock;
  readonly #masterName: string;
  #last: MasterAnswer | undefined;
  #watch: SwitchWatch | undefined;
  #isClosed = false;

  constructor(target: RedisTarget, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
    this.#masterName = target.url.sentinel?.masterName ?? '';
  }

  async locate(timeoutMs: number): Promise<Endpoint> {
    const { answers, failures } = await this.#ask(Math.min(timeoutMs, ASK_TIMEOUT_MS));
    if (this.#isClosed) throw brokerClosed();
    const [first, ...others] = answers;
    if (first === undefined) throw sentinelsFailed(this.#masterName, failures);
    const newest = others.reduce((best, answer) => (answer.epoch > best.epoch ? answer : best), first);
    const last = this.#last;
    const isOld = last !== undefined && newest.epoch < last.epoch;
    this.#last = isOld && !this.#isMajority(answers.length) ? last : newest;
    return this.#target.endpointOf(this.#last.address);
  }

  watch(listener: (address: NodeAddress) => void): void {
    if (this.#watch !== undefined || this.#isClosed) return;
    this.#watch = new SwitchWatch({
      sentinels: this.#sentinels(),
      masterName: this.#masterName,
      clock: this.#clock,
      onNews: () => {
        this.locate(ASK_TIMEOUT_MS).then(
          ({ address }) => listener(address),
          // No Sentinel names the master now. The watch reports again when it follows a Sentinel.
          () => {},
        );
      },
    });
    this.#watch.start();
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
  }

  #sentinels(): readonly Endpoint[] {
    return this.#target.url.addresses.map((address) => this.#target.sentinelAt(address));
  }

  #isMajority(count: number): boolean {
    return count * 2 > this.#target.url.addresses.length;
  }

  /** Resolves when all Sentinels have answered or failed, or soon after most of them have answered. */
  async #ask(timeoutMs: number) {
    const answers: MasterAnswer[] = [];
    const failures: SentinelFailure[] = [];
    const enough = new AbortController();
    const asked = this.#sentinels().map(async (sentinel) => {
      try {
        answers.push(await askSentinel(sentinel, this.#masterName, { clock: this.#clock, timeoutMs }));
        if (this.#isMajority(answers.length)) enough.abort();
      } catch (error) {
        failures.push({ address: sentinel.address, error });
      }
    });
    await Promise.race([Promise.all(asked), aborted(enough.signal).then(() => pause(this.#clock, GRACE_MS))]);
    return { answers: [...answers], failures: [...failures] };
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
