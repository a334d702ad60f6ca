// The adapter of the official client: the order of answers and events, refusals, and the ways in which a connection closes.
import { HttpTransportType } from '@microsoft/signalr';
import { expect, test } from 'vitest';
import { createSignalRConnections } from '../src/connection/signalr-adapter.js';
import type { CallAnswer, ConnectionEnd } from '../src/index.js';

const END = '\u001e';

/** A WebSocket without a network. The test plays the role of the server. */
class WireSocket {
  static readonly OPEN = 1;
  static last: WireSocket | undefined;
  readyState = 0;
  onopen: (() => void) | undefined;
  onmessage: ((message: { data: string }) => void) | undefined;
  onclose: ((event: { code: number; wasClean: boolean; reason: string }) => void) | undefined;
  readonly sent: Record<string, unknown>[] = [];

  constructor() {
    WireSocket.last = this;
    queueMicrotask(() => {
      this.readyState = WireSocket.OPEN;
      this.onopen?.();
    });
  }

  send(data: string): void {
    for (const record of data.split(END).filter((text) => text !== '')) {
      const message = JSON.parse(record) as Record<string, unknown>;
      this.sent.push(message);
      if ('protocol' in message) this.receive({});
    }
  }

  /** Sends several messages in one frame. */
  receive(...messages: object[]): void {
    this.onmessage?.({ data: messages.map((message) => JSON.stringify(message) + END).join('') });
  }

  close(): void {
    this.readyState = 3;
    this.onclose?.({ code: 1000, wasClean: true, reason: '' });
  }
}

async function open() {
  const heard: string[] = [];
  const ends: ConnectionEnd[] = [];
  const connection = createSignalRConnections({
    http: {
      skipNegotiation: true,
      transport: HttpTransportType.WebSockets,
      WebSocket: WireSocket,
    },
  })({
    url: 'http://gateway.test/hubs/events',
    clientId: 'a-client',
    accessToken: undefined,
    listener: {
      onMessage: (target, argument) => void heard.push(`${target} ${JSON.stringify(argument)}`),
      onClose: (end) => void ends.push(end),
    },
  });
  await connection.start();
  const socket = WireSocket.last;
  if (socket === undefined) throw new Error('no socket');
  const answers: CallAnswer[] = [];
  const call = (method: string): void =>
    connection.invoke(method, ['a'], (answer) => {
      answers.push(answer);
      heard.push(answer.ok ? `answer ${JSON.stringify(answer.value)}` : `error ${answer.error.message}`);
    });
  return { connection, socket, heard, ends, answers, call };
}

const event = (n: number): object => ({ type: 1, target: 'order_placed', arguments: [{ n }] });

test('events and answers of one frame are delivered in the order of the frame', async () => {
  const { socket, heard, call } = await open();
  call('JoinRoom');
  socket.receive(event(1), { type: 3, invocationId: '0', result: 'joined' }, event(2));
  await Promise.resolve();
  expect(heard).toEqual(['order_placed {"n":1}', 'answer "joined"', 'order_placed {"n":2}']);
});

test('a call that the hub refused is distinguished from a call that was cut off', async () => {
  const { socket, heard, answers, call } = await open();
  call('JoinRoom');
  socket.receive({
    type: 3,
    invocationId: '0',
    error: "An unexpected error occurred invoking 'JoinRoom' on the server. HubException: Not you.",
  });
  await Promise.resolve();
  call('JoinRoom');
  socket.close();
  await Promise.resolve();
  const [refused, cutOff] = answers;
  expect(refused).toMatchObject({ ok: false, error: { code: 'refused', message: 'Not you.' } });
  expect(cutOff).toMatchObject({ ok: false });
  expect(cutOff).not.toHaveProperty('error.code');
  expect(heard[0]).toBe('error Not you.');
});

test.each([
  ['does not allow the client to reconnect', { type: 7, error: 'over' }, true],
  ['allows the client to reconnect', { type: 7, allowReconnect: true }, false],
])(
  'a Close message that %s is reported, and the call that it cuts off gets an answer',
  async (_name, close, isExpelled) => {
    const { socket, heard, ends, call } = await open();
    call('JoinRoom');
    socket.receive(close);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ends).toMatchObject([{ isExpelled }]);
    expect(heard).toHaveLength(1);
  },
);

test('a socket that closes without a Close message is not reported as an expulsion', async () => {
  const { socket, ends } = await open();
  socket.close();
  expect(ends).toEqual([{ cause: undefined, isExpelled: false }]);
});
