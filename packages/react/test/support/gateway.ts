// A real gateway on the embedded broker. The clients' calls are recorded at the socket.
import { type Client, type ClientError, type ClientOptions, createClient } from '@millrace/client';
import { createGateway, type Gateway } from '@millrace/gateway';
import { freePort } from '@millrace/testkit';
import { SignJWT } from 'jose';
import WebSocket from 'ws';

const secret = 'a secret of at least thirty-two bytes';
/** The user of the clients, unless a test names another one. */
export const ada = '11111111-1111-4111-8111-111111111111';
/** Another user. */
export const bob = '22222222-2222-4222-8222-222222222222';

/** A user, and the rooms that the user may enter. The rooms may change between two connections. */
export interface TestUser {
  readonly id: string;
  rooms: string[];
}

/** A client, and a record of its calls. */
export interface RecordedClient extends Client {
  /** The calls that the client sent to the gateway, such as `JoinRoom a`. Calls for the personal room and the room of everybody are left out. */
  readonly calls: string[];
  readonly errors: ClientError[];
}

/** A gateway that can be restarted on its port. */
export class TestGateway implements AsyncDisposable {
  readonly #port: number;
  readonly #clients: Client[] = [];
  #gateway: Gateway;
  #messages = 0;

  private constructor(port: number) {
    this.#port = port;
    this.#gateway = createGateway({ port, jwtSecret: secret, apiKeys: ['a-key-for-publishing'], drainMs: 0 });
  }

  static async start(): Promise<TestGateway> {
    const started = new TestGateway(await freePort());
    await started.#gateway.start();
    return started;
  }

  /** Stops the gateway, and starts another one at the same address. */
  async restart(): Promise<void> {
    await this.#gateway.stop();
    this.#gateway = createGateway({
      port: this.#port,
      jwtSecret: secret,
      apiKeys: ['a-key-for-publishing'],
      drainMs: 0,
    });
    await this.#gateway.start();
  }

  /** Creates a client that is not connected. */
  client(user: TestUser = { id: ada, rooms: ['*'] }, options: Partial<ClientOptions> = {}): RecordedClient {
    const calls: string[] = [];
    const client = createClient({
      url: `http://127.0.0.1:${this.#port}`,
      accessToken: () => tokenOf(user),
      retryBaseMs: 20,
      retryMaxMs: 100,
      signalr: { http: { WebSocket: recordingSocket(calls) } },
      ...options,
    });
    this.#clients.push(client);
    const errors: ClientError[] = [];
    client.onError((error) => errors.push(error));
    return Object.assign(client, { calls, errors });
  }

  /** Publishes a chat message with a unique text. Returns the text. */
  async say(roomId: string): Promise<string> {
    this.#messages += 1;
    const content = `message ${this.#messages}`;
    await this.#gateway.publisher.publish('chat_message', roomId, {
      id: crypto.randomUUID(),
      request_id: crypto.randomUUID(),
      sender_id: bob,
      content,
      sequence_number: this.#messages,
      is_screenshot: false,
      created_at: new Date().toISOString(),
    });
    return content;
  }

  async notify(roomId: string, title: string): Promise<void> {
    await this.#gateway.publisher.publish('notification', roomId, { type: 'info', title });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.#gateway.stop();
  }
}

function tokenOf({ id, rooms }: TestUser): Promise<string> {
  return new SignJWT({ name: id === ada ? 'Ada' : 'Bob', rooms })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(id)
    .setExpirationTime(Math.floor(Date.now() / 1_000) + 60)
    .sign(new TextEncoder().encode(secret));
}

/** Returns a WebSocket class that records in `calls` the room calls that it sends. */
function recordingSocket(calls: string[]) {
  return class extends WebSocket {
    override send(data: unknown, ...more: never[]): void {
      for (const message of String(data).split('\u001e').filter(Boolean)) {
        const call = JSON.parse(message) as {
          readonly type?: number;
          readonly target?: string;
          readonly arguments?: readonly unknown[];
        };
        const [roomId, isTyping] = call.arguments ?? [];
        if (call.type !== 1 || roomId === 'user:me' || roomId === '*') continue;
        calls.push(`${call.target} ${String(roomId)}${typeof isTyping === 'boolean' ? ` ${isTyping}` : ''}`);
      }
      super.send(data as string, ...more);
    }
  };
}
