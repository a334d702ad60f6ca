// Runs scripts by their digests on one connection. A script's source is sent once per connection, before its first call. It
// is sent once more for all waiting calls if the server has forgotten the script (SCRIPT FLUSH, another server behind the
// same address).
import type { Script } from '../scripts/script.js';
import { namedError } from './missing-commands.js';
import { isErrorReply, isNoScript } from './redis-errors.js';

/**
 * Sends one command now and resolves to its reply. Commands are executed in the order of the calls. `graceMs` extends the deadline
 * of the command.
 */
export type SendCommand = (args: readonly string[], graceMs?: number) => Promise<unknown>;

/** EVALSHA, the script's digest, the number of keys, keys and arguments. */
export type ScriptCommand = [name: 'EVALSHA', sha1: string, ...rest: string[]];

/**
 * Additional milliseconds for a SCRIPT LOAD before a call. If the server does not answer, the call then reaches its deadline
 * before the SCRIPT LOAD does.
 */
const AHEAD_GRACE_MS = 1_000;

/** A call that waits until the server knows its script. */
interface HeldCall {
  readonly number: number;
  readonly send: () => void;
  readonly giveUp: (cause: unknown) => void;
}

/**
 * States: Running ⇄ Repairing. The first NOSCRIPT begins Repairing and sends SCRIPT LOAD. While Repairing, the runner holds
 * all new calls, and all calls that end with NOSCRIPT. All earlier replies have come before the reply to SCRIPT LOAD, so that
 * reply ends Repairing. The held calls are then sent in their original order.
 *
 * Guarantees: scripts are executed in the order of the calls. No call is executed twice, because NOSCRIPT comes before a
 * script starts. The calls in progress bound the number of held calls.
 */
export class ScriptRunner {
  /** Digests of the scripts that were sent over the present connection. Bounded by the number of scripts. */
  #sent = new Set<string>();
  #held: HeldCall[] | undefined;
  #lastNumber = 0;

  /** Forgets which scripts were sent. Call this for a new connection, which may lead to another server. */
  forget(): void {
    this.#sent = new Set();
  }

  /** Runs a script. Rejects with the error of `send`, which names the command if the server lacks one that the script calls. */
  async run(script: Script, command: ScriptCommand, send: SendCommand): Promise<unknown> {
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const call = (): Promise<unknown> => this.#call(script, command, send);
    try {
      return await (this.#held === undefined ? call() : hold(this.#held, number, call));
    } catch (error) {
      if (!isNoScript(error)) throw await namedError(error, script, send);
    }
    try {
      return await hold(this.#held ?? this.#repair(script, send), number, call);
    } catch (error) {
      if (!isNoScript(error)) throw await namedError(error, script, send);
    }
    // The user may not load scripts, or the scripts were flushed once more.
    return send(['EVAL', script.source, ...command.slice(2)]).catch(async (error: unknown) => {
      throw await namedError(error, script, send);
    });
  }

  /** Sends the call, and its source first unless that was sent already. Both are written in one turn of the event loop. */
  #call(script: Script, command: ScriptCommand, send: SendCommand): Promise<unknown> {
    // If Redis refuses SCRIPT LOAD, the call itself fails with NOSCRIPT.
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
    // A server that has lost one script has lost all of them.
    this.forget();
    const release = (act: (call: HeldCall) => void): void => {
      this.#held = undefined;
      for (const call of held.sort((a, b) => a.number - b.number)) act(call);
    };
    this.#load(script, send).then(
      () => release((call) => call.send()),
      (cause: unknown) => {
        // The connection still works if Redis refused SCRIPT LOAD. The held calls then use EVAL.
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
