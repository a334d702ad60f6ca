// The port between the client and the library that carries its messages. `signalr-adapter.ts` implements it.

/** Called by a {@link Connection}. The methods must not throw. @beta */
export interface ConnectionListener {
  /** Called for each message of the hub, in the order in which the gateway sent them. */
  onMessage(target: string, argument: unknown): void;
  /** Called when a started connection has closed. This is the last call of the listener. */
  onClose(end: ConnectionEnd): void;
}

/** The end of a connection. @beta */
export interface ConnectionEnd {
  readonly cause: Error | undefined;
  /** True if the gateway closed the connection and did not allow the client to reconnect at once. */
  readonly isExpelled: boolean;
}

/** Everything that is needed to make a connection. @beta */
export interface ConnectionRequest {
  /** Address of the hub. */
  readonly url: string;
  /** Returns the token of this attempt, or a newer one if the connection is already open. Absent if no token is needed. */
  readonly accessToken: (() => Promise<string>) | undefined;
  /**
   * A random text that stays the same for all connections of one client. Sent as the query field `client`, so that a reconnect
   * continues the presence of the earlier connection.
   */
  readonly clientId: string;
  readonly listener: ConnectionListener;
}

/**
 * The answer to a call. `error` is a ClientError `refused` if the gateway refused the call. Any other error means that the
 * connection ended before the answer.
 * @beta
 */
export type CallAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: Error };

/**
 * One connection to the hub. It can be started only once.
 *
 * Guarantees: once `start` has resolved, `onClose` is called exactly once. Unanswered calls get their errors after `onClose`.
 * Answers and messages arrive in the order in which the gateway sent them.
 * @beta
 */
export interface Connection {
  /**
   * @throws ClientError `unauthorized` if the gateway refused the credentials, or another error if the start
   * failed for another reason
   */
  start(): Promise<void>;
  /** Ends the connection. May also be called during `start`. */
  stop(): Promise<void>;
  /** Calls a method of the hub. The gateway handles calls in the order in which they were made. */
  invoke(method: string, args: readonly unknown[], onAnswer: (answer: CallAnswer) => void): void;
}

/**
 * Calls a method of the hub as {@link Connection.invoke} does, for callers that do not depend on the order of answers.
 * Rejects with the error of the answer.
 */
export function call(connection: Connection, method: string, ...args: readonly unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    connection.invoke(method, args, (answer) => {
      if (answer.ok) resolve(answer.value);
      else reject(answer.error);
    });
  });
}

/** Makes connections. @beta */
export type CreateConnection = (request: ConnectionRequest) => Connection;
