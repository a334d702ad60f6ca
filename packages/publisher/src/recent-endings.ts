// Messages that this process published a moment ago: what they end need not be sent anywhere to be dropped.
import { OldestFirstMap } from '@millrace/broker';
import { compareTimestamps, type SlotKey } from '@millrace/contract';

interface Ending {
  readonly timestamp: string;
  readonly forgetAtMs: number;
}

/** Most endings remembered; at the bound the oldest is forgotten, and what it would have dropped is dropped by the gateways. */
const MAX_ENDINGS = 10_000;

/** Endings by slot and key. Holds no timers. */
export class RecentEndings {
  readonly #memoryMs: number;
  /** Oldest first. */
  readonly #endings = new OldestFirstMap<string, Ending>();

  constructor(memoryMs: number) {
    this.#memoryMs = memoryMs;
  }

  note(slotKey: SlotKey, timestamp: string, nowMs: number): void {
    const name = nameOf(slotKey);
    const known = this.#endings.get(name);
    const isNewest = known === undefined || compareTimestamps(timestamp, known.timestamp) > 0;
    this.#endings.set(name, {
      timestamp: isNewest ? timestamp : known.timestamp,
      forgetAtMs: nowMs + this.#memoryMs,
    });
    for (let oldest = this.#endings.oldest(); oldest !== undefined; oldest = this.#endings.oldest()) {
      const [oldName, { forgetAtMs }] = oldest;
      if (forgetAtMs > nowMs && this.#endings.size <= MAX_ENDINGS) return;
      this.#endings.delete(oldName);
    }
  }

  /** Whether an event of that time is not newer than the ending of its key. */
  hasEnded(slotKey: SlotKey, timestamp: string, nowMs: number): boolean {
    const ending = this.#endings.get(nameOf(slotKey));
    if (ending === undefined || ending.forgetAtMs <= nowMs) return false;
    return compareTimestamps(timestamp, ending.timestamp) <= 0;
  }
}

// A room ID and a slot hold no control characters, so this name is unambiguous.
function nameOf({ roomId, slot, key }: SlotKey): string {
  return `${roomId}\u0000${slot}\u0000${key}`;
}
