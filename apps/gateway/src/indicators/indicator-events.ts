// Creates the events that tell one client of changed indicators (such as typing) whose own events it was not sent.
import { randomUUID } from 'node:crypto';
import type { IndicatorChange } from './indicator-changes.js';
import type { RoomIndicators } from './room-indicators.js';

/** An event in the form in which clients of the hub receive it. */
export interface IndicatorEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly timestamp: string;
  readonly room_id: string;
  readonly payload: unknown;
  readonly position: string;
}

/** Returns one event per change, with the position of the client in the room. Leaves out the indicators that are not in the catalog. */
export function eventsOfChanges(
  changes: readonly IndicatorChange[],
  indicators: Pick<RoomIndicators, 'find'>,
  { roomId, position }: { readonly roomId: string; readonly position: string },
): readonly IndicatorEvent[] {
  return changes.flatMap(({ name, user, isShown }) => {
    const event = indicators.find(name)?.eventOf(user, isShown);
    if (event === undefined) return [];
    const { type: event_type, payload } = event;
    const timestamp = new Date().toISOString();
    return [{ event_id: randomUUID(), event_type, timestamp, room_id: roomId, payload, position }];
  });
}
