// How far the streams of other programs were read.
import type { EntryId } from '../../entries/entry-id.js';

/** A change of the stored cursors. @beta */
export interface SourceProgress {
  readonly cursors: ReadonlyMap<string, EntryId>;
  readonly gone: readonly string[];
}
