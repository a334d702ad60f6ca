/*
 * The messages of an upload in JSON, as a client sends them.
 */
import { RS } from './raw-client.js';

/** Returns a call that announces streams. Without an id, the call asks for no answer. */
export function upload(target: string, streamIds: readonly string[], invocationId?: string): string {
  return JSON.stringify({ type: 1, invocationId, target, arguments: [], streamIds }) + RS;
}

export function item(streamId: string, value: unknown): string {
  return JSON.stringify({ type: 2, invocationId: streamId, item: value }) + RS;
}

export function end(streamId: string): string {
  return JSON.stringify({ type: 3, invocationId: streamId }) + RS;
}
