// The script calls that record how far the streams of other programs were read.
import type { StreamKeys } from '../keys.js';
import { holdSourcesScript, releaseSourcesScript, saveCursorsScript } from '../scripts/sources.js';
import type { SourceProgress } from '../sources/source-progress.js';
import type { ScriptCall } from './script-calls.js';

/** Returns the script call for `SourceStreams.hold`. */
export function holdSourcesCall(
  { collector, collected }: StreamKeys,
  owner: string,
  leaseMs: number,
): ScriptCall<boolean> {
  return {
    script: holdSourcesScript,
    keys: [collector, collected],
    args: [owner, leaseMs],
    parse: (reply) => reply === 1,
  };
}

/** Returns the script call for `SourceStreams.release`. */
export function releaseSourcesCall({ collector }: StreamKeys, owner: string): ScriptCall<void> {
  return { script: releaseSourcesScript, keys: [collector], args: [owner], parse: () => {} };
}

/** Returns the script call for `SourceStreams.save`. */
export function saveCursorsCall(
  { collector, collected }: StreamKeys,
  owner: string,
  { cursors, gone }: SourceProgress,
): ScriptCall<boolean> {
  return {
    script: saveCursorsScript,
    keys: [collector, collected],
    args: [owner, gone.length, ...gone, ...[...cursors].flat()],
    parse: (reply) => reply === 1,
  };
}
