// A real gateway on the embedded broker, a proxy that can cut the connection, and tokens.
import { createGateway, type Gateway, type GatewayOptions } from '@millrace/gateway';
import { freePort, startTcpProxy, type TcpProxy } from '@millrace/testkit';
import { SignJWT } from 'jose';
import { type Client, type ClientError, type ClientOptions, createClient } from '../../src/index.js';

const secret = 'a secret of at least thirty-two bytes';
export const ada = '11111111-1111-4111-8111-111111111111';
export const bob = '22222222-2222-4222-8222-222222222222';

/** Returns a token for `userId`, by default for all rooms. */
export function token(
  userId: string,
  claims: { readonly expiresInS?: number; readonly rooms?: string[] } = {},
): Promise<string> {
  return new SignJWT({ name: userId === ada ? 'Ada' : 'Bob', rooms: claims.rooms ?? ['*'] })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(userId)
    .setExpirationTime(Math.floor(Date.now() / 1_000) + (claims.expiresInS ?? 60))
    .sign(new TextEncoder().encode(secret));
}

/** A gateway that can be restarted on its port. Its clients connect through a proxy. */
export class RealGateway implements AsyncDisposable {
  readonly #port: number;
  readonly #wire: TcpProxy;
  readonly #clients: Client[] = [];
  #gateway: Gateway;

  private constructor(port: number, gateway: Gateway, wire: TcpProxy) {
    this.#port = port;
    this.#gateway = gateway;
    this.#wire = wire;
  }

  static async start(options: Pick<GatewayOptions, 'catalog'> = {}): Promise<RealGateway> {
    const port = await freePort();
    const gateway = create(port, options);
    await gateway.start();
    return new RealGateway(port, gateway, await startTcpProxy(port));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#wire.port}`;
  }

  /** The address of the gateway itself. A connection to it bypasses the proxy and is never cut. */
  get directUrl(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get gateway(): Gateway {
    return this.#gateway;
  }

  /** Creates a client of user `userId`. Collects the errors that the client reports. */
  client(userId: string, options: Partial<ClientOptions> = {}): TestClient {
    const client = createClient({
      url: this.url,
      accessToken: () => token(userId),
      // The delays are short for a test, but still random.
      retryBaseMs: 20,
      retryMaxMs: 100,
      ...options,
    });
    const errors: ClientError[] = [];
    client.onError((error) => errors.push(error));
    this.#clients.push(client);
    return Object.assign(client, { errors });
  }

  /** Publishes a chat message. Resolves with its event ID. */
  async say(roomId: string, sequenceNumber: number, eventId: string = crypto.randomUUID()): Promise<string> {
    await this.#gateway.publisher.publish(
      'chat_message',
      roomId,
      {
        id: crypto.randomUUID(),
        request_id: crypto.randomUUID(),
        sender_id: bob,
        content: `message ${sequenceNumber}`,
        sequence_number: sequenceNumber,
        is_screenshot: false,
        created_at: new Date().toISOString(),
      },
      { eventId },
    );
    return eventId;
  }

  /** Breaks every connection with a reset. */
  cut(): void {
    this.#wire.cut();
  }

  async stop(): Promise<void> {
    await this.#gateway.stop();
  }

  async startAgain(): Promise<void> {
    this.#gateway = create(this.#port);
    await this.#gateway.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.#wire[Symbol.asyncDispose]();
    await this.#gateway.stop();
  }
}

/** A client with the errors that it has reported. */
export interface TestClient extends Client {
  readonly errors: ClientError[];
}

function create(port: number, options: Pick<GatewayOptions, 'catalog'> = {}): Gateway {
  return createGateway({ ...options, jwtSecret: secret, apiKeys: ['a-key-for-publishing'], port });
}

/** Resolves when the client reaches a state. */
export function reached(client: Client, state: Client['state']): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.onStateChange((change) => {
      if (change.state !== state) return;
      stop();
      resolve();
    });
  });
}

/** Resolves when the client receives the chat message with this sequence number in a room. */
export function nextMessage(client: Client, roomId: string, sequenceNumber: number): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.on('chat_message', (event) => {
      if (event.room_id !== roomId || event.payload.sequence_number !== sequenceNumber) return;
      stop();
      resolve();
    });
  });
}
