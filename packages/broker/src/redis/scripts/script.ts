// A Lua script with its digest. Its source is sent once. All later calls use the digest.
import { createHash } from 'node:crypto';

/** One Lua script. Scripts are module constants, so their number is small and fixed. */
export interface Script {
  /** Name of the script for developers, such as `publish`. */
  readonly name: string;
  readonly source: string;
  /** Digest for EVALSHA. */
  readonly sha1: string;
}

/** Options of a script. */
export interface ScriptOptions {
  /**
   * If `true`, the script runs even when `maxmemory` is reached. Scripts that keep subscribers alive or free memory need
   * this. A full Redis would otherwise refuse heartbeats and leases, and could never be trimmed.
   */
  readonly isAllowedWhenFull: boolean;
}

/** Joins snippets and a body into one script. Snippets are `local function` declarations. */
export function defineScript(name: string, pieces: readonly string[], options: ScriptOptions): Script {
  // Because of this first line, Redis checks its memory only before the script starts, never in the middle of it.
  const header = options.isAllowedWhenFull ? '#!lua flags=allow-oom\n' : '#!lua\n';
  const source = header + pieces.join('\n');
  return { name, source, sha1: createHash('sha1').update(source).digest('hex') };
}
