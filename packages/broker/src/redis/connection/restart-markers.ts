// Which run of a server a connection leads to, where the user may not ask INFO for it. A mark is a script that does nothing, with a
// random name: scripts are neither replicated nor kept over a restart, so only the run that was given a mark knows it.
import { createHash, randomBytes } from 'node:crypto';
import { asArray, asText } from '../calls/replies.js';

/** Sends one command over the connection whose marks these are. */
export type SendCommand = (command: readonly string[]) => Promise<unknown>;

/** A mark in the epoch's record: `m` and 20 hexadecimal digits, which no INFO answers. */
const MARK = /^m[0-9a-f]{20}$/;
/** Stands for no mark: the script answers which one the record has. */
const UNKNOWN_MARK = '?';
/** Marks whose answer is remembered: each stream has one at a time. At the bound all are asked for again. */
const MAX_KNOWN = 1_024;

/** Made anew with every connection: another one may lead elsewhere. */
export class RunMarks {
  readonly #send: SendCommand;
  readonly #known = new Map<string, boolean>();
  /** Key of a stream's script calls → the mark that its record had last; as many as there are streams. */
  readonly #accepted = new Map<string, string>();
  #own: Promise<string> | undefined;

  constructor(send: SendCommand) {
    this.#send = send;
  }

  /** True when this run is known to have the mark; `false` also where nobody has asked yet. */
  isProven(mark: string): boolean {
    return this.#known.get(mark) === true;
  }

  /** Asks the server for a mark, once. */
  async prove(mark: string): Promise<boolean> {
    const known = this.#known.get(mark);
    if (known !== undefined) return known;
    const found = MARK.test(mark) && asArray(await this.#send(['SCRIPT', 'EXISTS', sha1Of(mark)]))[0] === 1;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(mark, found);
    return found;
  }

  /** The mark to begin with at this key: the one it had last, or one that only asks. */
  proposedFor(key: string): string {
    return this.#accepted.get(key) ?? UNKNOWN_MARK;
  }

  /** A script went on with this mark at this key. */
  accept(key: string, mark: string): void {
    this.#accepted.set(key, mark);
  }

  /** A mark that this run has from now on. Given only where a record needs one: scripts stay until the server ends. */
  own(): Promise<string> {
    this.#own ??= this.#give().catch((error: unknown) => {
      this.#own = undefined;
      throw error;
    });
    return this.#own;
  }

  async #give(): Promise<string> {
    const mark = `m${randomBytes(10).toString('hex')}`;
    asText(await this.#send(['SCRIPT', 'LOAD', sourceOf(mark)]));
    this.#known.set(mark, true);
    return mark;
  }
}

function sourceOf(mark: string): string {
  return `return '${mark}'`;
}

function sha1Of(mark: string): string {
  return createHash('sha1').update(sourceOf(mark)).digest('hex');
}
