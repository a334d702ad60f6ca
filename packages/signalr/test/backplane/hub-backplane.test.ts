/*
 * The guarantees of every backplane.
 */
import { describe, expect, test } from 'vitest';
import { BACKPLANES } from '../support/backplane-row.js';

describe.each(BACKPLANES)('a backplane %s', (_name, createSource) => {
  test('a backplane delivers any bytes to all subscribers, including the publisher, in the order of the publish() calls', async () => {
    await using source = await createSource();
    const [one, other] = [await source.create(), await source.create()];
    const heard: [number[][], number[][]] = [[], []];
    await one.subscribe('c', (message) => heard[0].push([...message]));
    await other.subscribe('c', (message) => heard[1].push([...message]));
    const messages = Array.from({ length: 1_000 }, (_, n) => [n % 256, (n * 7) % 256, 0, 255, n >> 8]);
    await Promise.all(messages.map((message) => one.publish('c', Uint8Array.from(message))));
    await other.publish('c', Uint8Array.of());
    for (const bytes of heard) await expect.poll(() => bytes).toEqual([...messages, []]);
  });

  test('a message is delivered after publish() has returned, never during the call', async () => {
    await using source = await createSource();
    const backplane = await source.create();
    const order: string[] = [];
    await backplane.subscribe('c', () => order.push('heard'));
    const published = backplane.publish('c', Uint8Array.of(1));
    order.push('called');
    await published;
    await expect.poll(() => order).toEqual(['called', 'heard']);
  });

  test('a subscriber receives only the messages of its own channel', async () => {
    await using source = await createSource();
    const backplane = await source.create();
    const heard: string[] = [];
    for (const channel of ['/hub', '/hub#a', '/HUB'])
      await backplane.subscribe(channel, (message) => heard.push(`${channel} ${String(message[0])}`));
    await backplane.publish('/hub*', Uint8Array.of(0));
    for (const [index, channel] of ['/hub#a', '/hub', '/HUB'].entries())
      await backplane.publish(channel, Uint8Array.of(index));
    await expect.poll(() => heard.toSorted()).toEqual(['/HUB 2', '/hub 1', '/hub#a 0']);
  });

  test('an ended subscription receives no more messages, and the other subscriptions continue', async () => {
    await using source = await createSource();
    const backplane = await source.create();
    const heard: string[] = [];
    const listener = (message: Uint8Array): void => void heard.push(`twice ${String(message[0])}`);
    const first = await backplane.subscribe('c', listener);
    await backplane.subscribe('c', listener);
    await backplane.publish('c', Uint8Array.of(1));
    await expect.poll(() => heard).toEqual(['twice 1', 'twice 1']);
    const ended = first.unsubscribe();
    await backplane.publish('c', Uint8Array.of(2));
    await ended;
    await backplane.publish('c', Uint8Array.of(3));
    await expect.poll(() => heard.slice(2)).toEqual(['twice 2', 'twice 3']);
  });
});
