// A broker under test, and how a broken promise is reported.
import type { Broker } from '@millrace/broker';

/** Damage that only a store outside this process can suffer. */
export interface Accidents {
  flush(): Promise<void>;
  deleteStream(): Promise<void>;
  destroyGroup(): Promise<void>;
  /** As a publisher does that trims by length. */
  trimTo(length: number): Promise<void>;
}

/** A broker under test. */
export interface Subject {
  readonly broker: Broker;
  passTime(ms: number): Promise<void>;
  readonly accidents?: Accidents;
}

/** Throws an Error that says which promise was broken. */
export function promise(isKept: boolean, what: () => string): void {
  if (!isKept) throw new Error(`broken promise: ${what()}`);
}
