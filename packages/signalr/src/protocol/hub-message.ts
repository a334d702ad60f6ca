/*
 * The nine messages of the SignalR hub protocol, independent of their encoding.
 * Every protocol reads into and writes from these types.
 */

/** The numbers that stand in the `type` field on the wire. */
export const MessageType = {
  invocation: 1,
  streamItem: 2,
  completion: 3,
  streamInvocation: 4,
  cancelInvocation: 5,
  ping: 6,
  close: 7,
  ack: 8,
  sequence: 9,
} as const;

/** String headers that a client may put on a message, for example a trace parent. Kept, never interpreted. */
export type MessageHeaders = Readonly<Record<string, string>>;

/** A call of a method on the other side. Without `invocationId` nothing is ever sent back. */
export interface InvocationMessage {
  readonly type: typeof MessageType.invocation;
  readonly headers?: MessageHeaders;
  readonly invocationId?: string;
  readonly target: string;
  readonly arguments: readonly unknown[];
  /** Ids of the streams that the caller will upload, in the order of the method's stream parameters. */
  readonly streamIds?: readonly string[];
}

/** A call whose result is a stream of items. */
export interface StreamInvocationMessage {
  readonly type: typeof MessageType.streamInvocation;
  readonly headers?: MessageHeaders;
  readonly invocationId: string;
  readonly target: string;
  readonly arguments: readonly unknown[];
  readonly streamIds?: readonly string[];
}

/** One item of a stream, in either direction. */
export interface StreamItemMessage {
  readonly type: typeof MessageType.streamItem;
  readonly headers?: MessageHeaders;
  readonly invocationId: string;
  readonly item: unknown;
}

/** How a call ended: `void` is the absence of a result, which is not the same as a result of null. */
export type CompletionOutcome =
  | { readonly kind: 'error'; readonly error: string }
  | { readonly kind: 'result'; readonly result: unknown }
  | { readonly kind: 'void' };

/** The end of a call or of a stream. */
export interface CompletionMessage {
  readonly type: typeof MessageType.completion;
  readonly headers?: MessageHeaders;
  readonly invocationId: string;
  readonly outcome: CompletionOutcome;
}

/** The wish to end a stream early. */
export interface CancelInvocationMessage {
  readonly type: typeof MessageType.cancelInvocation;
  readonly headers?: MessageHeaders;
  readonly invocationId: string;
}

/** A sign of life. */
export interface PingMessage {
  readonly type: typeof MessageType.ping;
}

/** The last message of a connection. `allowReconnect` tells a client with automatic reconnect to use it. */
export interface CloseMessage {
  readonly type: typeof MessageType.close;
  readonly error?: string;
  readonly allowReconnect?: boolean;
}

/** Stateful reconnect: everything up to `sequenceId` has arrived. */
export interface AckMessage {
  readonly type: typeof MessageType.ack;
  readonly sequenceId: number;
}

/** Stateful reconnect: the number of the first message that follows. */
export interface SequenceMessage {
  readonly type: typeof MessageType.sequence;
  readonly sequenceId: number;
}

/** Any message of the hub protocol, told apart by `type`. */
export type HubMessage =
  | InvocationMessage
  | StreamItemMessage
  | CompletionMessage
  | StreamInvocationMessage
  | CancelInvocationMessage
  | PingMessage
  | CloseMessage
  | AckMessage
  | SequenceMessage;

/** Whether stateful reconnect counts a message: all that belong to a call or a stream, not what serves the connection. */
export function isSequenced(message: HubMessage): boolean {
  return message.type <= MessageType.cancelInvocation;
}
