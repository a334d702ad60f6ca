// A fake gateway: the test accepts connections, answers calls and sends messages by hand.
import { type FakeClock, fakeClock } from '@millrace/testkit';
import {
  type CallAnswer,
  type Client,
  ClientError,
  type ClientOptions,
  type Connection,
  type ConnectionRequest,
  createClient,
  type StateChange,
} from '../../src/index.js';

/** A call that the client made. */
export interface FakeCall {
  readonly method: string;
  readonly args: readonly unknown[];
  answer(value: unknown): void;
  refuse(reason: string): void;
  /** Ends the call without an answer, although the connection stays open. */
  fail(error: Error): void;
}

/** The gateway's end of one connection. */
export class FakeConnection implements Connection {
  readonly request: ConnectionRequest;
  readonly token: Promise<string> | undefined;
  /** Calls that were not answered yet, oldest first. */
  readonly calls: FakeCall[] = [];
  /** All calls, each as a string such as `JoinRoom a 5`. */
  readonly log: string[] = [];
  state: 'starting' | 'open' | 'closed' = 'starting';
  readonly #gateway: FakeGateway;
  readonly #pending = new Set<(answer: CallAnswer) => void>();
  #settleStart: { resolve(): void; reject(error: Error): void } | undefined;

  constructor(request: ConnectionRequest, gateway: FakeGateway) {
    this.request = request;
    this.#gateway = gateway;
    this.token = request.accessToken?.();
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settleStart = { resolve, reject };
      if (this.#gateway.isRefusing) this.refuse(new Error('no gateway'));
      else if (this.#gateway.isAccepting) this.accept();
    });
  }

  async stop(): Promise<void> {
    if (this.state === 'starting') this.refuse(new Error('stopped'));
    if (this.state === 'open') this.close();
  }

  invoke(method: string, args: readonly unknown[], onAnswer: (answer: CallAnswer) => void): void {
    if (this.state !== 'open') throw new Error(`${method} on a connection that is ${this.state}`);
    // Few tests are about the room of everybody, so its join is answered here. It is neither logged nor counted.
    if (method === 'JoinRoom' && args[0] === '*' && !this.#gateway.showsEverybody) {
      onAnswer({ ok: true, value: joinAnswer('*', 0) });
      return;
    }
    this.log.push(
      [method, ...args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg)))].join(' '),
    );
    this.#pending.add(onAnswer);
    const settle = (answer: CallAnswer): void => {
      if (this.#pending.delete(onAnswer)) onAnswer(answer);
      const index = this.calls.indexOf(call);
      if (index >= 0) this.calls.splice(index, 1);
    };
    const call: FakeCall = {
      method,
      args,
      answer: (value) => settle({ ok: true, value }),
      refuse: (reason) => settle({ ok: false, error: new ClientError('refused', reason) }),
      fail: (error) => settle({ ok: false, error }),
    };
    this.calls.push(call);
    if (this.#gateway.isAnswering) queueMicrotask(() => call.answer(this.#gateway.answerTo(method, args)));
  }

  accept(): void {
    this.state = 'open';
    this.#settleStart?.resolve();
  }

  refuse(error: Error): void {
    this.state = 'closed';
    this.#settleStart?.reject(error);
  }

  close(end: { readonly cause?: Error; readonly isExpelled?: boolean } = {}): void {
    if (this.state !== 'open') return;
    this.state = 'closed';
    this.request.listener.onClose({ cause: end.cause, isExpelled: end.isExpelled ?? false });
    for (const onAnswer of this.#pending) onAnswer({ ok: false, error: new Error('cut off') });
    this.#pending.clear();
  }

  send(target: string, argument: unknown): void {
    this.request.listener.onMessage(target, argument);
  }

  /** Sends an event. Its ID is made from `position`. */
  event(
    roomId: string,
    position: number,
    more: { readonly type?: string; readonly payload?: object; readonly timestamp?: string } = {},
  ): void {
    const type = more.type ?? 'chat_message';
    this.send(type, {
      event_id: `id-${position}`,
      event_type: type,
      timestamp: more.timestamp ?? '2026-01-16T00:00:00Z',
      room_id: roomId,
      payload: more.payload ?? { content: `${position}` },
      position: `p${position}`,
    });
  }

  /** Returns the oldest open call of a room. */
  call(method: string, roomId: string): FakeCall {
    const found = this.calls.find((call) => call.method === method && call.args[0] === roomId);
    if (found === undefined) throw new Error(`${method} ${roomId} is not open: ${this.log.join(', ')}`);
    return found;
  }

  completeJoin(roomId: string, position: number, more: object = {}): void {
    this.call('JoinRoom', roomId).answer({ ...joinAnswer(roomId, position), ...more });
  }
}

/** Returns an answer to `JoinRoom`. */
export function joinAnswer(roomId: string, position: number): Record<string, unknown> {
  const ownId = roomId === 'user:me' ? 'user:u1' : roomId;
  return { roomId: ownId, position: `p${position}`, recovered: true, replayed: 0, typing: [] };
}

export class FakeGateway {
  readonly connections: FakeConnection[] = [];
  /** True if the gateway refuses every connection. */
  isRefusing = false;
  /** True if the gateway accepts connections by itself. */
  isAccepting = true;
  /** True if the gateway answers calls by itself. */
  isAnswering = true;
  /** True if the calls of the room `*` are shown and answered like those of other rooms. */
  showsEverybody = false;
  answerTo = (method: string, args: readonly unknown[]): unknown =>
    method === 'JoinRoom' ? joinAnswer(String(args[0]), 0) : null;

  readonly createConnection = (request: ConnectionRequest): Connection => {
    const connection = new FakeConnection(request, this);
    this.connections.push(connection);
    return connection;
  };

  /** The newest connection. */
  get connection(): FakeConnection {
    const connection = this.connections.at(-1);
    if (connection === undefined) throw new Error('Nobody has connected');
    return connection;
  }
}

/** A client, its gateway, its clock, and everything that the client reported. */
export interface Setup {
  readonly client: Client;
  readonly gateway: FakeGateway;
  readonly clock: FakeClock;
  readonly states: string[];
  readonly changes: StateChange[];
  readonly errors: ClientError[];
  readonly resyncs: string[];
  /** `room:position` of every event that was handled. */
  readonly events: string[];
  /** Runs all pending work except timers. */
  readonly settle: () => Promise<void>;
  /** Breaks the connection and lets the client reconnect. */
  readonly reconnect: () => Promise<void>;
}

/** Creates a client with a fake gateway. All random numbers are 0.5, so every wait is half of its upper bound. */
export function setUp(options: Partial<ClientOptions> = {}): Setup {
  const gateway = new FakeGateway();
  const clock = fakeClock();
  const client = createClient({
    url: 'http://gateway.test',
    createConnection: gateway.createConnection,
    clock,
    random: () => 0.5,
    ...options,
  });
  const setup: Setup = {
    client,
    gateway,
    clock,
    states: [],
    changes: [],
    errors: [],
    resyncs: [],
    events: [],
    settle: () => clock.advance(0),
    reconnect: async () => {
      // The connection lasts long enough for the next delay to be short.
      await clock.advance(5_000);
      gateway.connection.close();
      await clock.advance(500);
    },
  };
  client.onStateChange((change) => {
    setup.states.push(change.state);
    setup.changes.push(change);
  });
  client.onError((error) => void setup.errors.push(error));
  client.onResync((roomId, reason) => void setup.resyncs.push(`${roomId}: ${reason}`));
  client.onAny((event) => void setup.events.push(`${event.room_id}:${event.position.slice(1)}`));
  return setup;
}
