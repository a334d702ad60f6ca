// A process that dies, without ending one: its view of a broker stops to answer at a chosen call.
import type { Broker } from '@millrace/broker';

/** When a view dies. */
export interface Death {
  /** So many calls are still answered. @defaultValue 0 */
  readonly afterCalls?: number;
  /** Whether the call after them still reaches the broker; nobody hears its answer. @defaultValue false */
  readonly isLastCallDone?: boolean;
}

/** A view of a broker for one process that may die. */
export interface MortalBroker {
  readonly broker: Broker;
  /** From then on no call is done, and none answered. */
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
