// Imitates a process that dies: a view of a broker stops answering at a chosen call.
import type { Broker } from '@millrace/broker';

/** When a view dies. */
export interface Death {
  /** How many calls are still answered. @defaultValue 0 */
  readonly afterCalls?: number;
  /** True when the next call still reaches the broker, and its answer is lost. @defaultValue false */
  readonly isLastCallDone?: boolean;
}

/** A view of a broker for one process that may die. */
export interface MortalBroker {
  readonly broker: Broker;
  /** From then on no call reaches the broker, and none is answered. */
  die(death?: Death): void;
}

/** Wraps `broker`; the broker itself lives on. */
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
        if (name === 'windows' && typeof value === 'object' && value !== null) return viewOf(value);
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
