// Recognises the present run of a server, from its start to its end, if the user may not send INFO. A marker is a script that
// does nothing and has a random name. Redis neither replicates scripts nor keeps them over a restart. Therefore only the run
// that received a marker knows it.
import { createHash, randomBytes } from 'node:crypto';
import { asArray, asText } from '../calls/replies.js';

/** Sends one command over the connection that the markers belong to. */
export type SendCommand = (command: readonly string[]) => Promise<unknown>;

/** The form of a marker in the epoch's record: `m` and 20 hexadecimal digits. No `run_id` of INFO has this form. */
const MARKER = /^m[0-9a-f]{20}$/;
/** Argument of a script call without a known marker. The script then answers with the marker in the record. */
const UNKNOWN_MARKER = '?';
/**
 * Maximum number of markers with cached answers. Each stream has one marker at a time. A full cache is cleared, and the
 * server is asked again about each marker.
 */
const MAX_KNOWN = 1_024;

/** The markers of one connection. Another connection may lead to another server, so it has its own markers. */
export class RestartMarkers {
  readonly #send: SendCommand;
  readonly #known = new Map<string, boolean>();
  /** The last known marker in each stream's record, by the first key of the stream's scripts. Bounded by the number of streams. */
  readonly #accepted = new Map<string, string>();
  #own: Promise<string> | undefined;

  constructor(send: SendCommand) {
    this.#send = send;
  }

  /** True if this run is known to have the marker. False if the server has not been asked yet. */
  isProven(marker: string): boolean {
    return this.#known.get(marker) === true;
  }

  /** Asks the server whether it has the marker, once per marker. */
  async prove(marker: string): Promise<boolean> {
    const known = this.#known.get(marker);
    if (known !== undefined) return known;
    const found =
      MARKER.test(marker) && asArray(await this.#send(['SCRIPT', 'EXISTS', sha1Of(marker)]))[0] === 1;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(marker, found);
    return found;
  }

  /** Returns the marker for the first attempt at this key: the last accepted marker, or `?` if there is none. */
  proposedFor(key: string): string {
    return this.#accepted.get(key) ?? UNKNOWN_MARKER;
  }

  /** Records that a script has accepted this marker at this key. */
  accept(key: string, marker: string): void {
    this.#accepted.set(key, marker);
  }

  /**
   * Returns this run's own marker. The first call loads it into the server, where scripts stay until the server ends. Call
   * this only if a record needs a marker.
   */
  own(): Promise<string> {
    this.#own ??= this.#give().catch((error: unknown) => {
      this.#own = undefined;
      throw error;
    });
    return this.#own;
  }

  async #give(): Promise<string> {
    const marker = `m${randomBytes(10).toString('hex')}`;
    asText(await this.#send(['SCRIPT', 'LOAD', sourceOf(marker)]));
    this.#known.set(marker, true);
    return marker;
  }
}

function sourceOf(marker: string): string {
  return `return '${marker}'`;
}

function sha1Of(marker: string): string {
  return createHash('sha1').update(sourceOf(marker)).digest('hex');
}
