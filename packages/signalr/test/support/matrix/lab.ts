/*
 * The tools of a feature test: connections of one official client over one transport and protocol, and access to the server.
 * Runs in Node and in browsers. The client library is a parameter, because the cells use different versions.
 */
import type * as signalr from '@microsoft/signalr';
import type { Lane, RuntimeName, Transport } from './cells.js';

/** The client library under test, the environment in which it runs, and the URL of the server. */
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
  /** @defaultValue the `url` of the runtime */
  readonly origin?: string;
  readonly token?: string;
  /** @defaultValue the transport of the cell. `any` lets the client choose */
  readonly transport?: Transport | 'any';
  readonly skipNegotiation?: boolean;
  readonly reconnects?: boolean;
  readonly stateful?: boolean;
  /** A list to which the types of all received messages are appended. */
  readonly seenTypes?: number[];
}

/** A connected client. */
export interface Client {
  readonly connection: signalr.HubConnection;
  /** Returns the arguments of the next call of `note` that has not been read yet. */
  next(): Promise<readonly unknown[]>;
  /** Resolves when the client has given up the connection. The value is the error, if there is one. */
  readonly closed: Promise<Error | undefined>;
  readonly reconnecting: Promise<Error | undefined>;
  /** Resolves with the new connection id. */
  readonly reconnected: Promise<string | undefined>;
}

/** The properties of a connection that the hub sees. */
export interface Me {
  readonly userId: string | null;
  readonly tokenIn: 'header' | 'query' | 'nowhere';
  readonly transport: Transport;
  readonly groups: readonly string[];
}

/**
 * The delays between attempts to reconnect. Some attempts are spare, because an attempt may fail on a busy machine when it
 * uses a pooled socket that is breaking.
 */
const RECONNECT_DELAYS_MS = [0, 10, 100, 1_000, 1_000, 1_000];

/** The tools of one feature test. Each cell has a separate object. */
export class Lab {
  readonly lane: Lane;
  readonly runtime: Runtime;
  readonly #connections: signalr.HubConnection[] = [];
  #names = 0;

  constructor(runtime: Runtime, lane: Lane) {
    this.runtime = runtime;
    this.lane = lane;
  }

  /** Returns a name that no other cell uses. */
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

  /** Asks the test server for something that a client cannot do. */
  async control(action: string): Promise<unknown> {
    const response = await fetch(`${this.runtime.url}/control/${action}`, { method: 'POST' });
    if (!response.ok) throw new Error(`control/${action}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** Breaks the network connections over which the clients are served. */
  async cut(): Promise<void> {
    await this.control('cut');
  }

  /**
   * Cuts the connections repeatedly, until the client notices. A browser repeats a poll by itself if it breaks on a reused
   * socket, and its client then notices nothing.
   */
  async cutUntilNoticed(client: Client): Promise<void> {
    const noticed = client.reconnecting.then(() => true);
    for (let isNoticed = false; !isNoticed; ) {
      await this.cut();
      isNoticed = await Promise.race([noticed, this.control('served').then(() => false)]);
    }
  }

  /** Advances the server's clock. */
  async advance(byMs: number): Promise<void> {
    await this.control(`advance?ms=${byMs}`);
  }

  /** Waits until the server has ended a connection, and returns the close reason. */
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

/** Wraps a protocol, and records the types of the messages that it reads. */
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
