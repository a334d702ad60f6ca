/*
 * The equipment of a feature test: connections of one official client over one lane, and access to the server. Runs in Node and in
 * browsers; the client library is passed in, because each cell has its own version of it.
 */
import type * as signalr from '@microsoft/signalr';
import type { Lane, RuntimeName, Transport } from './cells.js';

/** The library under test, where it runs, and where its server is. */
export interface Runtime {
  readonly name: RuntimeName;
  readonly signalR: typeof signalr;
  readonly createMessagePack: () => signalr.IHubProtocol;
  /** `http://127.0.0.1:port` */
  readonly url: string;
}

export interface ConnectOptions {
  /** @defaultValue `/hubs/matrix` */
  readonly path?: string;
  /** @defaultValue the runtime's */
  readonly origin?: string;
  readonly token?: string;
  /** @defaultValue the lane's; `any` leaves the choice to the client */
  readonly transport?: Transport | 'any';
  readonly skipNegotiation?: boolean;
  readonly reconnects?: boolean;
  readonly stateful?: boolean;
  /** Types of the messages that come in are put here. */
  readonly seenTypes?: number[];
}

/** A connected client. */
export interface Client {
  readonly connection: signalr.HubConnection;
  /** The arguments of the next call of `note` that was not taken yet. */
  next(): Promise<readonly unknown[]>;
  /** Resolves with the error, if any, when the client has given up the connection. */
  readonly closed: Promise<Error | undefined>;
  readonly reconnecting: Promise<Error | undefined>;
  /** Resolves with the new connection id. */
  readonly reconnected: Promise<string | undefined>;
}

/** How the hub sees a connection. */
export interface Me {
  readonly userId: string | null;
  readonly tokenIn: 'header' | 'query' | 'nowhere';
  readonly transport: Transport;
  readonly groups: readonly string[];
}

/** More attempts than needed: on a busy machine one may meet a pooled socket that is just breaking. */
const RECONNECT_DELAYS_MS = [0, 10, 100, 1_000, 1_000, 1_000];

/** One for each cell. */
export class Lab {
  readonly lane: Lane;
  readonly runtime: Runtime;
  readonly #connections: signalr.HubConnection[] = [];
  #names = 0;

  constructor(runtime: Runtime, lane: Lane) {
    this.runtime = runtime;
    this.lane = lane;
  }

  /** A name that no other cell uses. */
  name(prefix: string): string {
    this.#names += 1;
    return `${prefix}-${this.#names}-${Math.random().toString(36).slice(2)}`;
  }

  async connect(options: ConnectOptions = {}): Promise<Client> {
    const connection = this.#build(options);
    this.#connections.push(connection);
    const client = watch(connection);
    await connection.start();
    return client;
  }

  /** Asks the server of the tests for something no client could do. */
  async control(action: string): Promise<unknown> {
    const response = await fetch(`${this.runtime.url}/control/${action}`, { method: 'POST' });
    if (!response.ok) throw new Error(`control/${action}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** Breaks the network connection over which the clients are served. */
  async cut(): Promise<void> {
    await this.control('cut');
  }

  /**
   * The same again and again, until the client notices. A browser repeats a poll by itself when it broke on a socket that had
   * served before; the client behind it has lost nothing then, and knows nothing of it.
   */
  async cutUntilNoticed(client: Client): Promise<void> {
    const noticed = client.reconnecting.then(() => true);
    for (let isNoticed = false; !isNoticed; ) {
      await this.cut();
      isNoticed = await Promise.race([noticed, this.control('served').then(() => false)]);
    }
  }

  /** Moves the time of the server. */
  async advance(byMs: number): Promise<void> {
    await this.control(`advance?ms=${byMs}`);
  }

  /** Why the server ended a connection; waits until it has. */
  async closeReason(connectionId: string | null): Promise<unknown> {
    return this.control(`close-reason?connectionId=${encodeURIComponent(String(connectionId))}`);
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.stop()));
  }

  #build(options: ConnectOptions): signalr.HubConnection {
    const { signalR, url } = this.runtime;
    const transport = options.transport ?? this.lane.transport;
    const { token } = options;
    const builder = new signalR.HubConnectionBuilder()
      .withUrl(`${options.origin ?? url}${options.path ?? '/hubs/matrix'}`, {
        ...(transport !== 'any' && { transport: signalR.HttpTransportType[transport] }),
        ...(token !== undefined && { accessTokenFactory: () => token }),
        skipNegotiation: options.skipNegotiation ?? false,
      })
      .configureLogging(signalR.LogLevel.None);
    const protocol = this.#protocol(options.seenTypes);
    if (protocol !== undefined) builder.withHubProtocol(protocol);
    if (options.reconnects === true) builder.withAutomaticReconnect(RECONNECT_DELAYS_MS);
    if (options.stateful === true) builder.withStatefulReconnect();
    return builder.build();
  }

  #protocol(seenTypes: number[] | undefined): signalr.IHubProtocol | undefined {
    const isBinary = this.lane.protocol === 'messagepack';
    if (!isBinary && seenTypes === undefined) return undefined;
    const protocol = isBinary ? this.runtime.createMessagePack() : new this.runtime.signalR.JsonHubProtocol();
    return seenTypes === undefined ? protocol : recording(protocol, seenTypes);
  }
}

function watch(connection: signalr.HubConnection): Client {
  const received: (readonly unknown[])[] = [];
  const waiting: ((call: readonly unknown[]) => void)[] = [];
  connection.on('note', (...call: unknown[]) => {
    const resolve = waiting.shift();
    if (resolve === undefined) received.push(call);
    else resolve(call);
  });
  return {
    connection,
    next: () => {
      const call = received.shift();
      if (call !== undefined) return Promise.resolve(call);
      return new Promise((resolve) => {
        waiting.push(resolve);
      });
    },
    closed: new Promise((resolve) => {
      connection.onclose(resolve);
    }),
    reconnecting: new Promise((resolve) => {
      connection.onreconnecting(resolve);
    }),
    reconnected: new Promise((resolve) => {
      connection.onreconnected(resolve);
    }),
  };
}

/** The same protocol, which tells what it has read. */
function recording(protocol: signalr.IHubProtocol, seenTypes: number[]): signalr.IHubProtocol {
  const { name, version, transferFormat } = protocol;
  return {
    name,
    version,
    transferFormat,
    writeMessage: (message) => protocol.writeMessage(message),
    parseMessages: (input, logger) => {
      const messages = protocol.parseMessages(input, logger);
      seenTypes.push(...messages.map(({ type }) => type));
      return messages;
    },
  };
}
