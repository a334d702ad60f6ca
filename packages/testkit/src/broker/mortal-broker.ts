// Imitates the death of a process: a wrapper around a broker that stops answering after a chosen call.
import type { Broker } from '@millrace/broker';

/** When a wrapper stops answering. */
export interface Death {
  /** Number of calls that are still answered. @defaultValue 0 */
  readonly afterCalls?: number;
  /** True if one more call reaches the broker without an answer. @defaultValue false */
  readonly isLastCallDone?: boolean;
}

/** A wrapper around a broker for one process that may die. */
export interface MortalBroker {
  readonly broker: Broker;
  /** Stops the wrapper. `death` may allow some more calls. Later calls do not reach the broker and get no answer. */
  die(death?: Death): void;
}

/** Wraps `broker`, which keeps working when the wrapper dies. */
export function mortalBroker(broker: Broker): MortalBroker {
  let callsLeft = Number.POSITIVE_INFINITY;
  let isLastCallDone = false;
  const call = (work: () => unknown): unknown => {
    callsLeft--;
    if (callsLeft >= 0) return work();
    if (callsLeft === -1 && isLastCallDone) void Promise.resolve(work()).catch(() => {});
    return new Promise(() => {});
  };
  const viewOf = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, name) {
        const value: unknown = Reflect.get(target, name, target);
        if ((name === 'windows' || name === 'erasures') && typeof value === 'object' && value !== null)
          return viewOf(value);
        if (typeof value !== 'function') return value;
        if (name === 'onStateChange') return value.bind(target) as unknown;
        return (...args: unknown[]): unknown => call(() => Reflect.apply(value, target, args) as unknown);
      },
    });
  return {
    broker: viewOf(broker),
    die({ afterCalls = 0, isLastCallDone: isDone = false } = {}) {
      callsLeft = Math.min(callsLeft, afterCalls);
      isLastCallDone = isDone;
    },
  };
}
