// The window of a slot, and texts for windows and keys that are used as keys of maps. The texts are unambiguous, because room IDs
// and slots contain no control characters.
import type { WindowName } from '@millrace/broker';
import type { SlotKey } from '@millrace/contract';

/** Returns the window in which events of the slot wait. */
export function windowOf({ roomId, slot }: SlotKey): WindowName {
  return { roomId, slot };
}

/** Returns a window as one text. */
export function windowKey({ roomId, slot }: WindowName): string {
  return `${roomId}\u0000${slot}`;
}

/** Returns a key inside a window as one text. */
export function slotKeyText(slotKey: SlotKey): string {
  return `${windowKey(slotKey)}\u0000${slotKey.key}`;
}
