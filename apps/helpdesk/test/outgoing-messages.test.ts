// Tests the messages that a person has written and that are not yet in the conversation on the page.
import { afterEach, expect, test, vi } from 'vitest';
import { ApiRefusal, type HelpdeskApi } from '../web/live/helpdesk-api.js';
import { OutgoingMessages } from '../web/live/outgoing-messages.js';
import { message } from './messages.js';

afterEach(() => {
  vi.useRealTimers();
});

function openOutgoing() {
  const sent: string[] = [];
  const api = { error: undefined as Error | undefined };
  const sendMessage = async (_ticketId: string, content: string): Promise<void> => {
    sent.push(content);
    if (api.error !== undefined) throw api.error;
  };
  // Only this call is used.
  const outgoing = new OutgoingMessages({ sendMessage } as unknown as HelpdeskApi);
  const states = () => outgoing.store.getState().map(({ content, state }) => `${content}: ${state}`);
  return { outgoing, api, sent, states };
}

test('a stored message is shown as pending until the conversation contains it', async () => {
  const { outgoing, states } = openOutgoing();
  await outgoing.write('t', 'Hello');
  expect(states()).toEqual(['Hello: stored']);
  outgoing.confirm([message(1), message(2, outgoing.store.getState()[0]?.clientTempId)]);
  expect(states()).toEqual([]);
});

test('a message does not return if its event arrives before the answer', async () => {
  const { outgoing, states } = openOutgoing();
  const written = outgoing.write('t', 'Hello');
  outgoing.confirm([message(1, outgoing.store.getState()[0]?.clientTempId)]);
  await written;
  expect(states()).toEqual([]);
});

test('waiting messages are sent in the order of writing when the connection is back', async () => {
  const { outgoing, api, sent, states } = openOutgoing();
  api.error = new TypeError('no network');
  await outgoing.write('t', 'one');
  await outgoing.write('t', 'two');
  expect(states()).toEqual(['one: waiting', 'two: waiting']);
  api.error = undefined;
  await outgoing.sendWaiting();
  expect(sent.slice(2)).toEqual(['one', 'two']);
  expect(states()).toEqual(['one: stored', 'two: stored']);
});

test('a message without an answer is sent again by itself, also if the connection to the hub was never lost', async () => {
  vi.useFakeTimers();
  const { outgoing, api, sent, states } = openOutgoing();
  api.error = new TypeError('aborted');
  await outgoing.write('t', 'Hello');
  expect(states()).toEqual(['Hello: waiting']);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(sent.length).toBeGreaterThan(2);
  api.error = undefined;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(states()).toEqual(['Hello: stored']);
  expect(vi.getTimerCount()).toBe(0);
});

test('a refused message stays until the person sends it again', async () => {
  const { outgoing, api, states } = openOutgoing();
  api.error = new ApiRefusal(503, 'no');
  await outgoing.write('t', 'Hello');
  await outgoing.sendWaiting();
  expect(states()).toEqual(['Hello: failed']);
});
