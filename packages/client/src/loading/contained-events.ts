// Decides which events a loaded state contains. The state says so itself, in `upTo`.
import { ClientError } from '../client-error.js';
import type { AnyEvent } from '../delivery/events.js';
import type { UpTo } from './room-load.js';

/** Returns the sequence number of an event, or `undefined` if it has none. */
export type SequenceOf = (event: AnyEvent) => number | undefined;

/** A time: the milliseconds since 1970 of its whole second, and the fraction of the second. */
type Instant = readonly [secondMs: number, fraction: number];

/** The events that one loaded state contains. */
export class ContainedEvents {
  readonly #sequence: number;
  readonly #sequenceOf: SequenceOf;
  readonly #time: Instant | undefined;
  readonly #ids: readonly string[];
  /** True when nothing waits for a named event any more. */
  #isGivenUp = false;

  /**
   * @throws ClientError `invalid_argument` if `upTo` has a wrong form. TypeScript cannot exclude it, because `upTo` usually
   *   comes from a backend
   */
  constructor(upTo: UpTo | null | undefined, sequenceOf: SequenceOf = sequenceNumberOf) {
    const { sequence, eventId, time } = upTo ?? {};
    this.#sequenceOf = sequenceOf;
    this.#sequence = sequence ?? Number.NEGATIVE_INFINITY;
    this.#ids = typeof eventId === 'string' ? [eventId] : (eventId ?? []);
    this.#time = time === undefined || time === null ? undefined : instantOf(time);
    const text = JSON.stringify(upTo ?? {});
    const saysHowFar = [sequence, eventId, time].some((form) => form !== undefined);
    const isValid =
      // A value that is not an object, or whose fields have other names, would count as a state that does not say how far it is.
      (saysHowFar || text === '{}') &&
      typeof this.#sequence === 'number' &&
      !Number.isNaN(this.#sequence) &&
      Array.isArray(this.#ids) &&
      this.#ids.every((id) => typeof id === 'string') &&
      !Number.isNaN(this.#time?.[0]);
    if (!isValid) throw new ClientError('invalid_argument', `upTo has a wrong form: ${text}`);
  }

  /** True while a named event has not arrived. It is then unknown which events come before it. */
  isAwaiting(hasReceived: (eventId: string) => boolean): boolean {
    return !this.#isGivenUp && this.#ids.some((id) => !hasReceived(id) && !hasReceived(id.toLowerCase()));
  }

  /** Ends the wait for named events. The client probably joined the room after they were sent. */
  stopAwaiting(): void {
    this.#isGivenUp = true;
  }

  /** Returns the events that the state does not contain. `events` must be in the order of their arrival. */
  remaining(events: readonly AnyEvent[]): readonly AnyEvent[] {
    /** Event type → index of the last named event of this type. */
    const lastNamed = new Map<string, number>();
    for (const [index, { event_id: id, event_type: type }] of events.entries())
      if (this.#names(id)) lastNamed.set(type, index);
    return events.filter(
      (event, index) => index > (lastNamed.get(event.event_type) ?? -1) && !this.#isWithin(event),
    );
  }

  #names(eventId: string): boolean {
    return this.#ids.some((id) => id === eventId || id.toLowerCase() === eventId);
  }

  #isWithin(event: AnyEvent): boolean {
    return (
      (this.#sequenceOf(event) ?? Number.POSITIVE_INFINITY) <= this.#sequence ||
      (this.#time !== undefined && compareInstants(instantOf(event.timestamp), this.#time) <= 0)
    );
  }
}

function sequenceNumberOf({ payload }: AnyEvent): number | undefined {
  const { sequence_number: number } = (payload ?? {}) as { readonly sequence_number?: unknown };
  return typeof number === 'number' ? number : undefined;
}

/** Matches an ISO 8601 date and time: up to the whole second, the fraction, hours and minutes of the offset. */
const DATE_TIME = /^(\d{4}.*?[T ].*?)(?:[.,](\d+))?(?:z|([+-]\d\d):?(\d\d)?)?$/i;

/**
 * Reads a time from the parts of its text. `Date` would keep only milliseconds, and take a time without an offset for local
 * time. The first number is NaN for a text that is not a time.
 */
function instantOf(time: string | number): Instant {
  if (typeof time === 'number') {
    const secondMs = Math.floor(time / 1_000) * 1_000;
    return [secondMs, (time - secondMs) / 1_000];
  }
  const [, date = '', fraction = '', hours = '+00', minutes = '00'] = DATE_TIME.exec(time.trim()) ?? [];
  return [Date.parse(`${date.replace(' ', 'T')}${hours}:${minutes}`), Number(`0.${fraction}`)];
}

/** Compares two times like a comparison function of `Array.prototype.sort`. Returns NaN if one of them is not a time. */
function compareInstants(a: Instant, b: Instant): number {
  return a[0] - b[0] || a[1] - b[1];
}
