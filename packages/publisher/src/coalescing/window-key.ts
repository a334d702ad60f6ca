// Returns the window of a slot, and converts windows and slot keys to strings for maps. Different windows have different
// strings, because room IDs and slots contain no control characters.
import type { WindowName } from '@millrace/broker';
import type { SlotKey } from '@millrace/contract';

/** Returns the window in which events of the slot wait. */
export function windowOf({ roomId, slot }: SlotKey): WindowName {
  return { roomId, slot };
}

/** Returns a window as one string. */
export function windowKey({ roomId, slot }: WindowName): string {
  return `${roomId}\u0000${slot}`;
}

/** Returns a key inside a window, together with the window, as one string. */
export function slotKeyText(slotKey: SlotKey): string {
  return `${windowKey(slotKey)}\u0000${slotKey.key}`;
}
