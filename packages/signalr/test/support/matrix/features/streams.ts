/*
 * Features: streams, in both directions.
 */
import type * as signalr from '@microsoft/signalr';
import { rejected, same } from '../check.js';
import type { Lab } from '../lab.js';

/** Resolves with all items when the stream completes. Rejects with the stream's error. */
function read(stream: signalr.IStreamResult<unknown>): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  return new Promise((resolve, reject) => {
    stream.subscribe({
      next: (item) => items.push(item),
      complete: () => resolve(items),
      error: reject,
    });
  });
}

export async function stream(lab: Lab): Promise<void> {
  const { connection } = await lab.connect();
  const numbers = Array.from({ length: 100 }, (_, index) => index);
  same(await read(connection.stream('count', 100)), numbers);
  same(await read(connection.stream('count', 0)), []);
  await rejected(
    read(connection.stream('breaks')),
    'An error occurred on the server while streaming results. HubException: half way',
  );
  await rejected(
    read(connection.stream('echo', 1)),
    "the non-streaming 'echo' method with a streaming invocation",
  );
  const both = [read(connection.stream('count', 2)), read(connection.stream('count', 3))];
  same(await Promise.all(both), [
    [0, 1],
    [0, 1, 2],
  ]);
}

export async function cancel(lab: Lab): Promise<void> {
  const client = await lab.connect();
  await new Promise<void>((resolve, reject) => {
    const subscription = client.connection.stream('endless').subscribe({
      next: (item) => {
        if (item !== 3) return;
        subscription.dispose();
        resolve();
      },
      complete: () => reject(new Error('ended by itself')),
      error: reject,
    });
  });
  same(await client.next(), ['canceled']);
  same(await client.connection.invoke('echo', 'continues'), 'continues');
}

export async function upload(lab: Lab): Promise<void> {
  const { connection } = await lab.connect();
  const subject = new lab.runtime.signalR.Subject<number>();
  const sum = connection.invoke('sum', 'all', subject);
  for (let n = 1; n <= 100; n += 1) subject.next(n);
  subject.complete();
  same(await sum, 'all 5050');
  const broken = new lab.runtime.signalR.Subject<number>();
  const failed = connection.invoke('sum', 'some', broken);
  broken.next(1);
  broken.error(new Error('no more'));
  await rejected(failed, 'no more');
}

export async function duplex(lab: Lab): Promise<void> {
  const { connection } = await lab.connect();
  const subject = new lab.runtime.signalR.Subject<number>();
  const items: unknown[] = [];
  const done = new Promise((resolve, reject) => {
    connection.stream<number>('twice', subject).subscribe({
      next: (item) => {
        items.push(item);
        // Each item is sent only after the answer to the previous one. Therefore neither side can wait for the end of a
        // stream.
        if (items.length < 5) subject.next(items.length);
        else subject.complete();
      },
      complete: () => resolve(items),
      error: reject,
    });
  });
  subject.next(0);
  same(await done, [0, 2, 4, 6, 8]);
}
