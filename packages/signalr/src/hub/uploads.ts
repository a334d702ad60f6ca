/*
 * The streams that a client sends with one call, from their announcement to the end of the method.
 */
import type { ConnectionCalls, Upload } from './connection-calls.js';
import type { Invocation } from './invocation.js';
import type { MethodEntry } from './method-table.js';
import type { UploadStream } from './upload-stream.js';

/** The streams of one call, by their ids, in the order of the method's guards. */
export type Uploads = ReadonlyMap<string, UploadStream>;

/** Begins the streams that the client announced, and returns them by their ids. Returns undefined if the call was refused. */
export function beginUploads(
  invocation: Invocation,
  entry: MethodEntry,
  calls: ConnectionCalls,
): Uploads | undefined {
  const streamIds = invocation.message.streamIds ?? [];
  if (streamIds.length !== entry.uploads.length) {
    const reason = `Client sent ${streamIds.length} stream(s), Hub method expects ${entry.uploads.length}.`;
    return invocation.failUploads('wrong_uploads', reason);
  }
  if (!calls.canBeginUploads(streamIds.length)) {
    return invocation.failUploads('too_many_streams', 'The client has too many streams.');
  }
  const used = calls.firstUsedUpload(streamIds);
  if (used !== undefined) {
    return invocation.failUploads('duplicate_id', `Stream ID '${used}' is already in use.`);
  }
  const streams = new Map<string, UploadStream>();
  for (const [index, isItem] of entry.uploads.entries()) {
    const streamId = streamIds[index];
    if (streamId !== undefined) streams.set(streamId, calls.beginUpload(streamId, isItem));
  }
  return streams;
}

/** Drops the unread items and all later items of a call's streams, because the call is over. */
export function abandonUploads(calls: ConnectionCalls, uploads: Uploads): void {
  for (const [streamId, stream] of uploads) calls.abandonUpload(streamId, stream);
}

/** True when the method's guard accepts the item. A guard that throws does not accept it. */
export function isItemOf({ isItem }: Upload, item: unknown): boolean {
  try {
    return isItem(item);
  } catch {
    return false;
  }
}
