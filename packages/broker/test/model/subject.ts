// A broker under test, and the function that reports a broken promise.
import type { Broker } from '@millrace/broker';

/** Ways to damage a store that runs outside this process. */
export interface Accidents {
  flush(): Promise<void>;
  deleteStream(): Promise<void>;
  destroyGroup(): Promise<void>;
  /** Trims the stream by length, as some publishers do. */
  trimTo(length: number): Promise<void>;
}

/** A broker under test. */
export interface Subject {
  readonly broker: Broker;
  passTime(ms: number): Promise<void>;
  readonly accidents?: Accidents;
}

/** Throws an Error with the text of `what` unless `isKept` is true. */
export function promise(isKept: boolean, what: () => string): void {
  if (!isKept) throw new Error(`broken promise: ${what()}`);
}
