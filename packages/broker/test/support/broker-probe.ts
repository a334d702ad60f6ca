// A broker for tests. A test can count its calls, make them fail, and hold back their replies.
import { type Broker, BrokerError } from '@millrace/broker';

/** Wraps `broker`. All calls pass through, unless the test makes them fail or holds back their replies. */
export function probe(broker: Broker) {
  const calls = new Map<string, number>();
  const failing = new Set<string>();
  const held = new Map<string, Promise<void>>();
  const lastArguments = new Map<string, readonly unknown[]>();

  async function call(name: string, args: unknown[]): Promise<unknown> {
    calls.set(name, (calls.get(name) ?? 0) + 1);
    lastArguments.set(name, args);
    if (failing.has(name)) throw new BrokerError('unavailable', 'made to fail');
    const method = Reflect.get(broker, name, broker) as (...all: unknown[]) => unknown;
    const result = await method.apply(broker, args);
    await held.get(name);
    return result;
  }

  const probed = new Proxy(broker, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (...args: unknown[]) => call(String(name), args) : value;
    },
  });
  return {
    probed,
    /** Names of methods that reject with `unavailable`. */
    failing,
    count: (name: string): number => calls.get(name) ?? 0,
    /** Returns the arguments of the last call of a method. */
    lastArgumentsOf: (name: string): readonly unknown[] => lastArguments.get(name) ?? [],
    /** Holds back the replies of a method until the returned function is called. */
    hold: (name: string): (() => void) => {
      let release = (): void => {};
      held.set(name, new Promise((resolve) => (release = resolve)));
      return () => {
        held.delete(name);
        release();
      };
    },
  };
}
