/*
 * Sends the items of a hub's stream to one client, no faster than the client accepts them.
 */
import type { HubConnection } from '../connection/hub-connection.js';
import { MessageType } from '../protocol/hub-message.js';
import type { CallScope } from './call-scope.js';

type AnyIterator = AsyncIterator<unknown> | Iterator<unknown>;

const CANCELED = Symbol('canceled');

/** The iterator of an iterable. A text has none here, because streaming its characters is never intended. */
export function iteratorOf(items: unknown): AnyIterator | undefined {
  if (typeof items !== 'object' || items === null) return undefined;
  if (Symbol.asyncIterator in items) return (items as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  if (Symbol.iterator in items) return (items as Iterable<unknown>)[Symbol.iterator]();
  return undefined;
}

/**
 * Resolves when there are no more items, when the call is canceled, or when the client is gone; rejects with the iterator's error.
 * While the client reads slowly no further item is requested. A canceled iterator's `return` is called and not awaited.
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
    // A stream that fails because it was canceled did as requested.
    if (!scope.isCanceled) throw error;
  } finally {
    if (!isDone) endIterator(iterator);
  }
}

/** Not `Promise.race`, which would add a reaction to the cancellation for every item of a long stream. */
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

/** Its errors are ignored: the stream has been answered already. */
function endIterator(iterator: AnyIterator): void {
  try {
    const returned: unknown = iterator.return?.();
    if (returned instanceof Promise) returned.catch(() => {});
  } catch {
    // See above.
  }
}
