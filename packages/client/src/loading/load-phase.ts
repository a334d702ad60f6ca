// The phases of a load, and their names in snapshots.
import type { CancelTimer } from '@millrace/internal';
import type { AnyEvent } from '../delivery/events.js';
import type { LoadStatus } from './room-load.js';

/** The room's connection. `stopped`: the client is closed or was never connected. `seeking`: the client tries to join the room. */
export type RoomLink = 'stopped' | 'seeking' | 'joined';

/** A phase in which the loader runs. */
interface Calling {
  readonly call: { end(): void };
}

/** A phase that ends at a certain moment. */
interface Waiting {
  readonly cancelWait: CancelTimer;
}

/**
 * A phase in which events are held, oldest first. At most `maxHeldEvents` are held. With one more, the room is loaded again.
 */
interface Holding {
  readonly held: AnyEvent[];
}

/** The states of a load. Each contains what the load must release when it leaves the state. */
export type LoadPhase =
  /** Waits for the room to be joined. There is no state, or the state lacks events. */
  | { readonly name: 'joining' }
  /** The room is joined. Waits until the next load is due. There is no state, or the state lacks events. */
  | ({ readonly name: 'waiting' } & Waiting)
  /**
   * The loader runs. Events since the beginning of the call are held. `isComplete` is false if some of them were lost. The
   * result is then shown, and the room is loaded again.
   */
  | ({ readonly name: 'loading'; readonly isComplete: boolean } & Calling & Holding)
  /**
   * The loaded state names an event that was not received yet. Waits for the event, because only then is it known which
   * events the state contains.
   */
  | ({ readonly name: 'settling' } & Holding & Waiting)
  | { readonly name: 'live' }
  /** Waits for the room to be joined again. The state contains every event before the held ones. */
  | ({ readonly name: 'resuming' } & Holding)
  /** The gateway is unavailable. The loader runs, or its next call is due later. */
  | ({ readonly name: 'polling' } & (Calling | Waiting))
  | { readonly name: 'closed' };

/** Releases what `previous` contains. A call that `next` continues is kept. */
export function leavePhase(previous: LoadPhase, next: LoadPhase): void {
  if ('cancelWait' in previous) previous.cancelWait();
  if ('call' in previous && !('call' in next && next.call === previous.call)) previous.call.end();
}

/** The status of each phase after the room was joined. */
const STATUSES: Readonly<Record<LoadPhase['name'], LoadStatus>> = {
  joining: 'disconnected',
  waiting: 'loading',
  loading: 'loading',
  settling: 'loading',
  live: 'live',
  resuming: 'disconnected',
  polling: 'polling',
  closed: 'closed',
};

/** Returns the status that snapshots show for a phase. @param wasJoined true if the room was joined since the load began */
export function statusOf({ name }: LoadPhase, wasJoined: boolean): LoadStatus {
  const status = STATUSES[name];
  return status === 'disconnected' && !wasJoined ? 'loading' : status;
}
