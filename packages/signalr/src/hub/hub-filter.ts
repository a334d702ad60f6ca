/*
 * Filters: code that runs around every invocation and every connect and disconnect of a hub.
 */
import { listOf, objectWith } from '@millrace/internal';

/** One invocation, as filters receive it. @beta */
export interface FilteredInvocation<Context> {
  readonly context: Context;
  /** The declared name of the method. */
  readonly method: string;
  /** The result of the method's parser, followed by the client's upload streams. */
  readonly arguments: readonly unknown[];
  /** The string headers that the client put on the message. Empty if there are none. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Code around the methods, `onConnected` and `onDisconnected` of a hub. Each function receives `next`, which runs the
 * remaining filters and then the hub's own code. `next` returns the result of the hub's code. A filter that does not call
 * `next` replaces the hub's code. An error of the filter counts as an error of the hub's code.
 * @beta
 */
export interface HubFilter<Context> {
  /** Runs around every method. For a streaming method, `next` resolves with the stream, before its first item. */
  readonly invoke?: (invocation: FilteredInvocation<Context>, next: () => Promise<unknown>) => unknown;
  readonly connected?: (context: Context, next: () => Promise<void>) => void | Promise<void>;
  readonly disconnected?: (
    context: Context,
    error: Error | undefined,
    next: () => Promise<void>,
  ) => void | Promise<void>;
}

/** The rule for the option `filters`. */
export const FILTERS_RULE = listOf({
  ...objectWith([], ['invoke', 'connected', 'disconnected']),
  mustBe: 'a filter: an object with invoke(), connected() or disconnected()',
});

/**
 * Combines the filters of a hub into three functions. The first filter is the outermost. The types are erased, as in the method
 * table.
 */
export class FilterChain {
  readonly #filters: readonly HubFilter<never>[];
  /** False if no filter has `invoke`. Methods can then run directly. */
  readonly hasInvoke: boolean;

  constructor(filters: readonly HubFilter<never>[]) {
    this.#filters = filters;
    this.hasInvoke = filters.some(({ invoke }) => invoke !== undefined);
  }

  invoke(invocation: FilteredInvocation<unknown>, run: () => unknown): Promise<unknown> {
    return this.#through(run, (filter, next) => filter.invoke?.(invocation as never, next), 'invoke');
  }

  async connected(context: unknown, run: () => unknown): Promise<void> {
    await this.#through(
      run,
      (filter, next) => filter.connected?.(context as never, asVoid(next)),
      'connected',
    );
  }

  async disconnected(context: unknown, error: Error | undefined, run: () => unknown): Promise<void> {
    await this.#through(
      run,
      (filter, next) => filter.disconnected?.(context as never, error, asVoid(next)),
      'disconnected',
    );
  }

  /**
   * Runs `run` inside the `member` function of all filters that have one. The filters are wrapped from the last to the first,
   * so that the first one is the outermost.
   */
  #through(
    run: () => unknown,
    apply: (filter: HubFilter<never>, next: () => Promise<unknown>) => unknown,
    member: keyof HubFilter<never>,
  ): Promise<unknown> {
    let next = async (): Promise<unknown> => run();
    for (const filter of this.#filters.toReversed()) {
      if (filter[member] === undefined) continue;
      const inner = next;
      next = async () => apply(filter, inner);
    }
    return next();
  }
}

function asVoid(next: () => Promise<unknown>): () => Promise<void> {
  return async () => {
    await next();
  };
}
