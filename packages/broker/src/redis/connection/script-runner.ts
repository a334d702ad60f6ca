// Runs scripts by their digests on one connection. The source of a script is sent once per connection, ahead of its first
// call; where the server has forgotten it (SCRIPT FLUSH, another server behind the same address), once more for all waiting calls.
import type { Script } from '../scripts/script.js';
import { isErrorReply, isNoScript } from './redis-errors.js';

/**
 * Sends one command now and gives its reply. Commands are executed in the order of the calls. `graceMs`: how much longer than
 * its own deadline the command may take.
 */
export type SendCommand = (args: readonly string[], graceMs?: number) => Promise<unknown>;

/** EVALSHA, the script's digest, the number of keys, keys and arguments. */
export type ScriptCommand = [name: 'EVALSHA', sha1: string, ...rest: string[]];

/** A script that is sent ahead of its call has more time: the call finds out that the server does not answer. */
const AHEAD_GRACE_MS = 1_000;

/** A call that waits until the server knows its script. */
interface HeldCall {
  readonly number: number;
  readonly send: () => void;
  readonly giveUp: (cause: unknown) => void;
}

/**
 * Running ⇄ Repairing. While Repairing, calls are held: those that ended with NOSCRIPT, and every new one. It begins with the
 * first NOSCRIPT and ends with the reply to the SCRIPT LOAD that is sent then: all earlier replies have come before it. Then
 * the held calls are sent in the order in which they were called.
 *
 * Guarantees: calls are executed in their order, and none twice, because NOSCRIPT comes before a script starts. Holds no
 * more calls than its callers have under way.
 */
export class ScriptRunner {
  /** Digests of the scripts that were sent over the present connection; as many as there are scripts. */
  #sent = new Set<string>();
  #held: HeldCall[] | undefined;
  #lastNumber = 0;

  /** For a new connection: it may lead to another server. */
  forget(): void {
    this.#sent = new Set();
  }

  /** Runs a script; rejects as `send` does. */
  async run(script: Script, command: ScriptCommand, send: SendCommand): Promise<unknown> {
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const call = (): Promise<unknown> => this.#call(script, command, send);
    try {
      return await (this.#held === undefined ? call() : hold(this.#held, number, call));
    } catch (error) {
      if (!isNoScript(error)) throw error;
    }
    try {
      return await hold(this.#held ?? this.#repair(script, send), number, call);
    } catch (error) {
      if (!isNoScript(error)) throw error;
    }
    // The user may not load scripts, or they were flushed once more.
    return send(['EVAL', script.source, ...command.slice(2)]);
  }

  /** Source and call are written in one turn, one behind the other. */
  #call(script: Script, command: ScriptCommand, send: SendCommand): Promise<unknown> {
    // A refusal to load it shows in the reply to the call.
    if (!this.#sent.has(script.sha1)) this.#load(script, send, AHEAD_GRACE_MS).catch(() => {});
    return send(command);
  }

  #load(script: Script, send: SendCommand, graceMs = 0): Promise<unknown> {
    this.#sent.add(script.sha1);
    return send(['SCRIPT', 'LOAD', script.source], graceMs);
  }

  #repair(script: Script, send: SendCommand): HeldCall[] {
    const held: HeldCall[] = [];
    this.#held = held;
    // A server that lost one script lost all of them.
    this.forget();
    const release = (act: (call: HeldCall) => void): void => {
      this.#held = undefined;
      for (const call of held.sort((a, b) => a.number - b.number)) act(call);
    };
    this.#load(script, send).then(
      () => release((call) => call.send()),
      (cause: unknown) => {
        // Where Redis refused, the connection is sound, and the held calls end with EVAL.
        release((call) => (isErrorReply(cause) ? call.send() : call.giveUp(cause)));
      },
    );
    return held;
  }
}

function hold(held: HeldCall[], number: number, call: () => Promise<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    held.push({ number, send: () => resolve(call()), giveUp: reject });
  });
}
