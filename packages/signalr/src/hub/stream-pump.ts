/*
 * Sends the items of a hub's stream to one client, no faster than the client accepts them.
 */
import type { HubConnection } from '../connection/hub-connection.js';
import { MessageType } from '../protocol/hub-message.js';
import type { CallScope } from './call-scope.js';

type AnyIterator = AsyncIterator<unknown> | Iterator<unknown>;

const CANCELED = Symbol('canceled');

/**
 * Returns the iterator of an iterable object, or undefined. Returns none for a string, because nobody intends to stream its
 * characters.
 */
export function iteratorOf(items: unknown): AnyIterator | undefined {
  if (typeof items !== 'object' || items === null) return undefined;
  if (Symbol.asyncIterator in items) return (items as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  if (Symbol.iterator in items) return (items as Iterable<unknown>)[Symbol.iterator]();
  return undefined;
}

/**
 * Sends the items to the client. Requests no further item while the client reads slowly. Resolves when there are no more
 * items, when the call is canceled, or when the client is gone. Rejects with the iterator's error.
 *
 * If the pump stops before the iterator is done, it calls the iterator's `return` but does not await it.
 */
export async function pumpItems(
  connection: HubConnection,
  invocationId: string,
  stream: { readonly iterator: AnyIterator; readonly scope: CallScope },
): Promise<void> {
  const { iterator, scope } = stream;
  let isDone = false;
  try {
    for (;;) {
      const next = await nextUnlessCanceled(iterator, scope);
      if (next === CANCELED) return;
      if (next.done === true) {
        isDone = true;
        return;
      }
      if (!connection.write({ type: MessageType.streamItem, invocationId, item: next.value })) return;
      if (connection.isBlocked) await connection.flushed();
    }
  } catch (error) {
    // Nobody waits for the stream after a cancellation, so its error is not a failure.
    if (!scope.isCanceled) throw error;
  } finally {
    if (!isDone) endIterator(iterator);
  }
}

/**
 * Resolves with the next result of the iterator, or with `CANCELED`. `Promise.race` is not used, because it would add a
 * reaction to one long-lived promise for every item of a stream.
 */
function nextUnlessCanceled(
  iterator: AnyIterator,
  scope: CallScope,
): Promise<IteratorResult<unknown> | typeof CANCELED> {
  if (scope.isCanceled) return Promise.resolve(CANCELED);
  return new Promise((resolve, reject) => {
    scope.onCancel = () => resolve(CANCELED);
    Promise.resolve(iterator.next()).then(resolve, reject);
  });
}

/** Ends the iterator. Its errors are ignored, because the outcome of the stream is already certain. */
function endIterator(iterator: AnyIterator): void {
  try {
    const returned: unknown = iterator.return?.();
    if (returned instanceof Promise) returned.catch(() => {});
  } catch {
    // The outcome of the stream is already certain, so the error is ignored.
  }
}
