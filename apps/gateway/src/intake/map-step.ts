// Calls the function `map` of a rule, and measures it.
import { toError } from '@millrace/internal';
import { IntakeRefusal } from './refusal.js';
import type { IntakeRule, MappedEntry, MappedEvent } from './rule.js';

/** Maximum time that `map` may take, in milliseconds. The events of all clients wait for it. */
const MAX_MAP_MS = 5;
/**
 * Number of calls that must all take too long. A pure function may be called again. A single measurement also contains the time
 * in which another process had the processor.
 */
const CALLS = 3;

/** The parts that `map` may return. A misspelt part would leave the declared one in place. */
const PARTS: ReadonlySet<string> = new Set([
  'event_id',
  'event_type',
  'timestamp',
  'room_id',
  'payload',
  'metadata',
] satisfies (keyof MappedEvent)[]);
const NO_PART = `map returned a member that is not a part of an event: the parts are ${[...PARTS].join(', ')}`;

/**
 * Calls `map` and returns the parts that it changes, or null for an entry that is not an event.
 * @param makeEvent makes the event for each call, because a function may change its argument
 * @throws IntakeRefusal if `map` throws, takes too long or returns something else
 */
export function callMap(
  map: NonNullable<IntakeRule['map']>,
  makeEvent: () => MappedEvent,
  entry: MappedEntry,
  monotonicMs: () => number,
): Partial<MappedEvent> | null {
  for (let call = 1; call <= CALLS; call += 1) {
    const event = makeEvent();
    const copy = { ...entry, fields: { ...entry.fields } };
    const startMs = monotonicMs();
    const result = called(map, event, copy);
    if (monotonicMs() - startMs <= MAX_MAP_MS) return checked(result);
  }
  throw new IntakeRefusal('slow', `map took more than ${MAX_MAP_MS} ms, ${CALLS} times`);
}

function called(map: NonNullable<IntakeRule['map']>, event: MappedEvent, entry: MappedEntry): unknown {
  try {
    return map(event, entry);
  } catch (cause) {
    // The message may contain values of the entry, so only the name is shown.
    const error = toError(cause);
    const name = error === cause ? error.name : 'a value that is not an Error';
    throw new IntakeRefusal('map', `map threw ${name}`, { cause });
  }
}

function checked(result: unknown): Partial<MappedEvent> | null {
  if (result === null) return null;
  if (typeof result !== 'object' || Array.isArray(result) || 'then' in result)
    throw new IntakeRefusal('map', 'map must return an event or null, and no promise');
  for (const name in result) if (!PARTS.has(name)) throw new IntakeRefusal('map', NO_PART);
  return result; // An object has the type `Partial<MappedEvent>`, whose parts are checked later.
}
