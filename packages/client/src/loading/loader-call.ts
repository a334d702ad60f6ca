// One call of the application's loader, with its timeout and its abort signal.
import type { CancelTimer, Clock } from '@millrace/internal';
import type { ContainedEvents } from './contained-events.js';
import type { LoadContext, LoadedState, Loader, UpTo } from './room-load.js';

/** A loaded state, and the events that it contains. */
export interface Loaded<S> {
  readonly state: S;
  readonly contained: ContainedEvents;
}

/** Dependencies of a {@link LoaderCall}. */
export interface LoaderCallDependencies<S> {
  readonly loader: Loader<S>;
  readonly context: Omit<LoadContext, 'signal'>;
  /** @throws ClientError `invalid_argument` if `upTo` has a wrong form */
  containedIn(upTo: UpTo | null | undefined): ContainedEvents;
  readonly clock: Pick<Clock, 'startTimer'>;
  readonly timeoutMs: number;
  onLoaded(loaded: Loaded<S>): void;
  onFailed(error: unknown): void;
}

/** A running call. Reports exactly one result, unless `end` is called first. */
export class LoaderCall<S> {
  readonly #dependencies: LoaderCallDependencies<S>;
  readonly #controller = new AbortController();
  #cancelDeadline: CancelTimer = () => {};
  #isOver = false;

  constructor(dependencies: LoaderCallDependencies<S>) {
    this.#dependencies = dependencies;
  }

  start(): void {
    if (this.#isOver) return;
    const { clock, timeoutMs, onLoaded, onFailed } = this.#dependencies;
    this.#cancelDeadline = clock.startTimer(() => {
      this.end();
      onFailed(new Error(`the loader did not return within ${timeoutMs} ms`));
    }, timeoutMs);
    this.#load().then(
      (loaded) => this.#settle(() => onLoaded(loaded)),
      (error: unknown) => this.#settle(() => onFailed(error)),
    );
  }

  /** Ends the call. Aborts the loader if it still runs, and ignores its result. */
  end(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#controller.abort();
  }

  #load(): Promise<Loaded<S>> {
    const { loader, context, containedIn } = this.#dependencies;
    // The executor of a promise turns an error that the loader throws into a rejection.
    return new Promise<S | LoadedState<S>>((resolve) => {
      resolve(loader({ ...context, signal: this.#controller.signal }));
    }).then((result) => {
      const { state, upTo } = isLoadedState(result) ? result : { state: result, upTo: undefined };
      return { state, contained: containedIn(upTo) };
    });
  }

  #settle(report: () => void): void {
    if (this.#isOver) return;
    this.#finish();
    report();
  }

  #finish(): void {
    this.#isOver = true;
    this.#cancelDeadline();
  }
}

function isLoadedState<S>(result: S | LoadedState<S>): result is LoadedState<S> {
  return typeof result === 'object' && result !== null && 'state' in result && 'upTo' in result;
}
