// Recognises the run of a server that a connection leads to, where the user may not send INFO. A marker is a script that does nothing, with a
// random name: scripts are neither replicated nor kept over a restart, so only the run that was given a marker knows it.
import { createHash, randomBytes } from 'node:crypto';
import { asArray, asText } from '../calls/replies.js';

/** Sends one command over the connection whose markers these are. */
export type SendCommand = (command: readonly string[]) => Promise<unknown>;

/** A marker in the epoch's record: `m` and 20 hexadecimal digits, which no INFO answers. */
const MARKER = /^m[0-9a-f]{20}$/;
/** Stands for no marker: the script answers which one the record has. */
const UNKNOWN_MARKER = '?';
/** Markers whose answer is remembered: each stream has one at a time. At the bound all are asked for again. */
const MAX_KNOWN = 1_024;

/** Each connection has its own markers: another connection may lead to another server. */
export class RestartMarkers {
  readonly #send: SendCommand;
  readonly #known = new Map<string, boolean>();
  /** Key of a stream's script calls → the marker that its record had last; as many as there are streams. */
  readonly #accepted = new Map<string, string>();
  #own: Promise<string> | undefined;

  constructor(send: SendCommand) {
    this.#send = send;
  }

  /** True when this run is known to have the marker; `false` also before it was asked. */
  isProven(marker: string): boolean {
    return this.#known.get(marker) === true;
  }

  /** Asks the server for a marker, once. */
  async prove(marker: string): Promise<boolean> {
    const known = this.#known.get(marker);
    if (known !== undefined) return known;
    const found =
      MARKER.test(marker) && asArray(await this.#send(['SCRIPT', 'EXISTS', sha1Of(marker)]))[0] === 1;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(marker, found);
    return found;
  }

  /** The marker to begin with at this key: the one it had last, or one that only asks. */
  proposedFor(key: string): string {
    return this.#accepted.get(key) ?? UNKNOWN_MARKER;
  }

  /** A script accepted this marker at this key. */
  accept(key: string, marker: string): void {
    this.#accepted.set(key, marker);
  }

  /** A marker that this run has from now on. Given only where a record needs one: scripts stay until the server ends. */
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
