// The options of `room.load`, their defaults and their checks.
import { checkedOptions } from '../client-options.js';
import type { AnyEvent } from '../delivery/events.js';
import type { InitialState, LoadOptions, WhenDown } from './room-load.js';

type Unresolved = 'whenDown' | 'initial' | 'reduce' | 'onState' | 'onEvent' | 'sequenceOf';

/** Options with every default filled in. */
export type ResolvedLoadOptions<S> = Required<Omit<LoadOptions<S, AnyEvent>, Unresolved>> &
  Pick<LoadOptions<S, AnyEvent>, Exclude<Unresolved, 'whenDown' | 'initial'>> & {
    readonly initial?: InitialState<S>;
    readonly whenDown?: Required<WhenDown>;
  };

const defaults = { maxReloadDelayMs: 2_000, timeoutMs: 30_000 };

/** A valid value for each option. */
const samples = {
  ...defaults,
  reduce: resolveLoadOptions,
  onState: resolveLoadOptions,
  onEvent: resolveLoadOptions,
  sequenceOf: resolveLoadOptions,
  initial: {},
  whenDown: { pollMs: 1 },
};

/**
 * Fills in the defaults and checks the options.
 *
 * @throws ClientError `invalid_argument`
 */
export function resolveLoadOptions<S>(options: LoadOptions<S, AnyEvent>): ResolvedLoadOptions<S> {
  const { whenDown, ...given } = checkedOptions(options, samples);
  const resolved = { ...defaults, ...given };
  if (whenDown === undefined) return resolved;
  return {
    ...resolved,
    whenDown: { afterMs: 10_000, ...checkedOptions(whenDown, { pollMs: 1, afterMs: 1 }) },
  };
}
