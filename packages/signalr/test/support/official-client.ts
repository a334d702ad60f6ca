/* Connects the official client. Disposing the connection stops it. */
import {
  type HttpTransportType,
  type HubConnection,
  HubConnectionBuilder,
  LogLevel,
} from '@microsoft/signalr';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';

export interface OfficialOptions {
  /** @defaultValue the first transport that both sides support */
  readonly transport?: HttpTransportType;
  /** @defaultValue `json` */
  readonly protocol?: 'json' | 'messagepack';
  readonly token?: string;
}

/** Connects to the hub `/hub` at the URL. Uses stateful reconnect if the server offers it. */
export async function connectOfficial(
  url: string,
  { transport, protocol = 'json', token }: OfficialOptions = {},
): Promise<HubConnection & AsyncDisposable> {
  const builder = new HubConnectionBuilder()
    .withUrl(`${url}/hub`, {
      ...(transport === undefined ? {} : { transport }),
      ...(token === undefined ? {} : { accessTokenFactory: () => token }),
    })
    .configureLogging(LogLevel.None)
    .withStatefulReconnect();
  if (protocol === 'messagepack') builder.withHubProtocol(new MessagePackHubProtocol());
  const connection = builder.build();
  await connection.start();
  return Object.assign(connection, { [Symbol.asyncDispose]: () => connection.stop() });
}
