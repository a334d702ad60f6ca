// A Lua script with its digest, so that it is sent once and called by digest from then on.
import { createHash } from 'node:crypto';

/** One script. Scripts are module constants: there are about ten, ever. */
export interface Script {
  /** For error messages. */
  readonly name: string;
  readonly source: string;
  /** Digest for EVALSHA. */
  readonly sha1: string;
}

/** Options of a script. */
export interface ScriptOptions {
  /**
   * `true`: runs although `maxmemory` is reached. For scripts that keep subscribers alive or free memory; otherwise a full
   * Redis would refuse heartbeats and leases, and could never be trimmed again.
   */
  readonly isAllowedWhenFull: boolean;
}

/** Joins snippets and a body into one script. Snippets are `local function` declarations. */
export function defineScript(name: string, pieces: readonly string[], options: ScriptOptions): Script {
  // With this first line Redis checks its memory before the script starts, never in the middle of it.
  const header = options.isAllowedWhenFull ? '#!lua flags=allow-oom\n' : '#!lua\n';
  const source = header + pieces.join('\n');
  return { name, source, sha1: createHash('sha1').update(source).digest('hex') };
}
