// The window of a slot, and names for maps. A room ID and a slot hold no control characters, so the names are unambiguous.
import type { WindowName } from '@millrace/broker';
import type { SlotKey } from '@millrace/contract';

/** The window in which events of the slot wait. */
export function windowOf({ roomId, slot }: SlotKey): WindowName {
  return { roomId, slot };
}

/** A window as one text. */
export function windowKey({ roomId, slot }: WindowName): string {
  return `${roomId}\u0000${slot}`;
}

/** A key inside a window as one text. */
export function slotKeyText(slotKey: SlotKey): string {
  return `${windowKey(slotKey)}\u0000${slotKey.key}`;
}
