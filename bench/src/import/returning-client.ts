// A client that leaves before the import and returns after it.
import { HttpTransportType, type HubConnection, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';

/** One client in one room. */
export class ReturningClient {
  /** Number of `resync` messages that the client was sent. */
  resyncs = 0;
  readonly #room: string;
  #connection: HubConnection | undefined;
  #position = '';

  private constructor(room: string) {
    this.#room = room;
  }

  /** Connects and joins the room. */
  static async connect(url: string, room: string): Promise<ReturningClient> {
    const client = new ReturningClient(room);
    await client.#join(url);
    return client;
  }

  async leave(): Promise<void> {
    await this.#connection?.stop();
  }

  /** Connects again with the last position. Returns true if the client was sent everything that it had missed. */
  async return(url: string): Promise<boolean> {
    return (await this.#join(url, this.#position)).recovered;
  }

  async #join(url: string, after?: string): Promise<{ readonly recovered: boolean }> {
    const connection = new HubConnectionBuilder()
      .withUrl(`${url}/hubs/events`, { skipNegotiation: true, transport: HttpTransportType.WebSockets })
      .configureLogging(LogLevel.Error)
      .build();
    connection.on('chat_message', () => {});
    connection.on('position', () => {});
    connection.on('resync', () => {
      this.resyncs += 1;
    });
    await connection.start();
    this.#connection = connection;
    const joined = await (after === undefined
      ? connection.invoke<{ position: string; recovered: boolean }>('JoinRoom', this.#room)
      : connection.invoke<{ position: string; recovered: boolean }>('JoinRoom', this.#room, after));
    this.#position = joined.position;
    return joined;
  }
}
