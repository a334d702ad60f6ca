// Sends endings on a cluster, where a window may be on another server than the entry that ends its inputs. They are sent in
// batches after the entries are stored, and only to open windows.
import type { EntryId } from '../../entries/entry-id.js';
import { BrokerError } from '../../errors.js';
import type { OutgoingEntry, PublishReceipt } from '../../port/entry-log.js';
import type { WindowEnding } from '../../port/windows.js';
import { asArray } from '../calls/replies.js';
import type { ScriptCall } from '../calls/script-calls.js';
import type { RedisKeys } from '../keys.js';
import { windowEndCall } from './window-calls.js';

/** An ending, and the ID of the entry that was stored with it. */
export interface StoredEnding {
  readonly ending: WindowEnding;
  readonly id: EntryId;
}

/** Dependencies of {@link RemoteEndings}. */
export interface RemoteEndingsDependencies {
  readonly keys: RedisKeys;
  command(key: string, args: readonly string[]): Promise<unknown>;
  run<T>(call: ScriptCall<T>): Promise<T>;
}

/**
 * Maximum number of waiting endings. Further endings are not sent. Gateways drop the inputs that such an ending would have
 * ended.
 */
const MAX_QUEUED = 10_000;
/** Maximum number of endings in one round, and of windows in one ZMSCORE command. */
const MAX_ASKED = 1_000;

/**
 * States: Idle → Sending → Idle. Endings that arrive while Sending are sent in the next round. A failed ending is not
 * reported: it has the same effect as one beyond `MAX_QUEUED`.
 */
export class RemoteEndings {
  readonly #dependencies: RemoteEndingsDependencies;
  #queue: StoredEnding[] = [];
  /** Number of endings that wait or are being sent, by window key. */
  readonly #windows = new Map<string, number>();
  #sending: Promise<void> | undefined;
  readonly #keyOf = ({ ending }: StoredEnding): string => this.#dependencies.keys.window(ending.window);

  constructor(dependencies: RemoteEndingsDependencies) {
    this.#dependencies = dependencies;
  }

  send(stored: readonly StoredEnding[]): void {
    const taken = stored.slice(0, Math.max(0, MAX_QUEUED - this.#queue.length));
    if (taken.length === 0) return;
    this.#queue.push(...taken);
    for (const window of taken.map(this.#keyOf))
      this.#windows.set(window, (this.#windows.get(window) ?? 0) + 1);
    this.#sending ??= this.#sendAll();
  }

  /**
   * Resolves when no ending for this window waits or is being sent. Later inputs count as later than every entry that was
   * stored before this call.
   */
  async settled(window: string): Promise<void> {
    while (this.#windows.has(window)) await this.#sending;
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const round = this.#queue.splice(0, MAX_ASKED);
      await this.#sendRound(round).catch(() => {});
      for (const window of round.map(this.#keyOf)) {
        const left = (this.#windows.get(window) ?? 1) - 1;
        if (left > 0) this.#windows.set(window, left);
        else this.#windows.delete(window);
      }
    }
    this.#sending = undefined;
  }

  async #sendRound(round: readonly StoredEnding[]): Promise<void> {
    const slots = [...new Set(round.map(({ ending }) => ending.window.slot))];
    await Promise.all(
      slots.map(async (slot) => {
        const stored = round.filter(({ ending }) => ending.window.slot === slot);
        const index = this.#dependencies.keys.windowIndex(slot);
        const scores = asArray(
          await this.#dependencies.command(index, ['ZMSCORE', index, ...stored.map(this.#keyOf)]),
        );
        const open = stored.filter((_, at) => scores[at] !== null);
        await Promise.allSettled(
          open.map((one) => this.#dependencies.run(windowEndCall(this.#keyOf(one), one))),
        );
      }),
    );
  }
}

/** Returns the endings of the appended entries. Leaves out duplicates and refused entries. */
export function endingsOf(
  entries: readonly OutgoingEntry[],
  receipts: readonly (PublishReceipt | BrokerError)[],
): StoredEnding[] {
  return entries.flatMap(({ ends }, at) => {
    const receipt = receipts[at];
    const isStored = receipt !== undefined && !(receipt instanceof BrokerError) && !receipt.isDuplicate;
    return ends !== undefined && isStored ? [{ ending: ends, id: receipt.id }] : [];
  });
}
