// The port between the client and the library that carries its messages. `signalr-adapter.ts` implements it.

/** Called by a {@link Connection}. Neither method may throw. */
export interface ConnectionListener {
  /** A message of the hub, in the order in which the gateway sent them. */
  onMessage(target: string, argument: unknown): void;
  /** A connection that had started has closed. Nothing is called afterwards. */
  onClose(end: ConnectionEnd): void;
}

/** How a connection ended. */
export interface ConnectionEnd {
  readonly cause: Error | undefined;
  /** The gateway closed the connection and did not allow the client to reconnect at once. */
  readonly isExpelled: boolean;
}

/** Everything that is needed to make a connection. */
export interface ConnectionRequest {
  /** Address of the hub. */
  readonly url: string;
  /** Gives the token of this attempt, and a newer token once connected. `undefined`: no token. */
  readonly accessToken: (() => Promise<string>) | undefined;
  readonly listener: ConnectionListener;
}

/** The answer to a call. The `error` is a ClientError `refused` when the gateway refused the call; otherwise the call was cut off. */
export type CallAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: Error };

/**
 * One connection to the hub. It is started once.
 *
 * Guarantees: `onClose` is called exactly once after a `start` that resolved, and before the answers of the calls that were cut
 * off. Answers and messages arrive in the order in which the gateway sent them.
 */
export interface Connection {
  /** @throws ClientError `unauthorized` when the gateway refused the credentials; any other error otherwise. */
  start(): Promise<void>;
  /** Ends the connection, also during `start`. */
  stop(): Promise<void>;
  /** Calls a method of the hub. The gateway handles calls in the order in which they were made. */
  invoke(method: string, args: readonly unknown[], onAnswer: (answer: CallAnswer) => void): void;
}

/** {@link Connection.invoke} for callers that do not depend on the order of answers. Rejects with the answer's error. */
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
