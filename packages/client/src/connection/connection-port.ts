// The port between the client and what carries its messages. `signalr-adapter.ts` implements it.

/** Called by a {@link Connection}; neither may throw. */
export interface ConnectionListener {
  /** A message of the hub, in the order in which the gateway sent them. */
  onMessage(target: string, argument: unknown): void;
  /** A connection that had started is over; nothing is called afterwards. */
  onClose(end: ConnectionEnd): void;
}

/** How a connection ended. */
export interface ConnectionEnd {
  readonly cause: Error | undefined;
  /** The gateway ended it and did not say that the client may come back at once. */
  readonly isExpelled: boolean;
}

/** What a connection is made of. */
export interface ConnectionRequest {
  /** Address of the hub. */
  readonly url: string;
  /** The token of this attempt; asked again while connected, a newer one. `undefined`: no token. */
  readonly accessToken: (() => Promise<string>) | undefined;
  readonly listener: ConnectionListener;
}

/** The answer to a call. An `error` is a ClientError `refused` when it is the gateway's, otherwise the call was cut off. */
export type CallAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: Error };

/**
 * One connection to the hub; it is started once.
 *
 * Guarantees: `onClose` comes exactly once after a `start` that resolved, and before the answers of the calls it cut
 * off. Answers and messages come in the order in which the gateway sent them.
 */
export interface Connection {
  /** @throws ClientError `unauthorized` when the gateway refused the credentials; any other error otherwise. */
  start(): Promise<void>;
  /** Ends it, also during `start`. */
  stop(): Promise<void>;
  /** Calls a method of the hub. The gateway handles calls in their order. */
  invoke(method: string, args: readonly unknown[], onAnswer: (answer: CallAnswer) => void): void;
}

/** {@link Connection.invoke} for callers who need not keep the order. Rejects with the answer's error. */
export function call(connection: Connection, method: string, ...args: readonly unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    connection.invoke(method, args, (answer) => {
      if (answer.ok) resolve(answer.value);
      else reject(answer.error);
    });
  });
}

/** Makes connections. */
export type CreateConnection = (request: ConnectionRequest) => Connection;
