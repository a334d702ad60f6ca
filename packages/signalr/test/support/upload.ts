/*
 * An upload as a client puts it on the wire, in JSON.
 */
import { RS } from './raw-client.js';

/** A call that announces streams; without an id it wants no answer. */
export function upload(target: string, streamIds: readonly string[], invocationId?: string): string {
  return JSON.stringify({ type: 1, invocationId, target, arguments: [], streamIds }) + RS;
}

export function item(streamId: string, value: unknown): string {
  return JSON.stringify({ type: 2, invocationId: streamId, item: value }) + RS;
}

export function end(streamId: string): string {
  return JSON.stringify({ type: 3, invocationId: streamId }) + RS;
}
