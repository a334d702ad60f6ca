// Remembers entries whose event type only other gateways know, until it is certain that such a gateway lives. The announcement of a
// gateway that was killed is valid for some seconds. An event of this time would otherwise be neither delivered nor a dead letter.
import type { EntryId } from '@millrace/broker';
import type { CancelTimer, Clock } from '@millrace/internal';
import { startRepeatingTimer } from '../repeating-timer.js';

/** An entry of a type that this gateway does not know. Its content is not kept, because the stream has it. */
export interface ForeignEntry {
  readonly stream: string;
  readonly id: EntryId;
  readonly eventType: string;
  /** The reason for the dead letter. */
  readonly reason: string;
}

/** Dependencies of {@link ForeignEntries}. */
export interface ForeignEntriesDependencies {
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** Resolves to true if a live gateway has the type in its catalog. @throws BrokerError */
  isKnown(eventType: string): Promise<boolean>;
  /** Called for an entry whose type no live gateway knows any more. @throws BrokerError */
  onUnknown(entry: ForeignEntry): Promise<void>;
}

/** Time after which an announcement that was valid at the first check has expired, unless its gateway lives. */
const recheckAfterMs = 11_000;
const checkIntervalMs = 1_000;
/** Maximum number of remembered entries. Above it, the oldest are forgotten: they count as delivered elsewhere. */
const maxEntries = 10_000;

/** The entries, the oldest first. */
export class ForeignEntries {
  readonly #dependencies: ForeignEntriesDependencies;
  #entries: { readonly entry: ForeignEntry; readonly dueMs: number }[] = [];
  #cancelTimer: CancelTimer | undefined;
  #isChecking = false;
  #isStopped = false;

  constructor(dependencies: ForeignEntriesDependencies) {
    this.#dependencies = dependencies;
  }

  /** Remembers an entry that another gateway delivers, and checks it again later. Does nothing after `stop`. */
  add(entry: ForeignEntry): void {
    if (this.#isStopped) return;
    const { clock } = this.#dependencies;
    this.#entries.push({ entry, dueMs: clock.monotonicMs() + recheckAfterMs });
    if (this.#entries.length > maxEntries) this.#entries.shift();
    this.#cancelTimer ??= startRepeatingTimer(clock, checkIntervalMs, () => void this.#check());
  }

  /** Forgets all entries. The other gateways check the same entries. */
  stop(): void {
    this.#isStopped = true;
    this.#entries = [];
    this.#pause();
  }

  #pause(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** Checks the entries that are due. An entry that cannot be checked now is checked again in the next round. */
  async #check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      await this.#checkDue(this.#dependencies.clock.monotonicMs());
    } catch {
      // The broker itself reports that it is unavailable.
    } finally {
      this.#isChecking = false;
    }
    if (this.#entries.length === 0) this.#pause();
  }

  async #checkDue(timeMs: number): Promise<void> {
    const { isKnown, onUnknown } = this.#dependencies;
    /** The answers of this round, so that many entries of one type cost one request. */
    const answers = new Map<string, boolean>();
    for (let next = this.#entries[0]; next !== undefined && next.dueMs <= timeMs; next = this.#entries[0]) {
      const { entry } = next;
      const isAlive = answers.get(entry.eventType) ?? (await isKnown(entry.eventType));
      answers.set(entry.eventType, isAlive);
      if (!isAlive) await onUnknown(entry);
      // Meanwhile `add` may have forgotten this entry, or `stop` all of them.
      if (this.#entries[0] === next) this.#entries.shift();
    }
  }
}
