/*
 * The nine messages of the SignalR hub protocol, independent of their encoding. Every protocol reads and writes these types.
 */

/** The numbers of the `type` field on the wire. */
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

/**
 * String headers that a client may add to a message, such as a trace parent. The protocols pass them on without interpreting
 * them.
 */
export type MessageHeaders = Readonly<Record<string, string>>;

/** A call of a method on the other side. Without `invocationId` there is no answer. */
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

/** The outcome of a call. `void` means no result, which differs from a result of null. */
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

/** A request to end a stream or a call early. */
export interface CancelInvocationMessage {
  readonly type: typeof MessageType.cancelInvocation;
  readonly headers?: MessageHeaders;
  readonly invocationId: string;
}

/** Keeps the connection alive. */
export interface PingMessage {
  readonly type: typeof MessageType.ping;
}

/** The last message of a connection. A client with automatic reconnect reconnects if `allowReconnect` is true. */
export interface CloseMessage {
  readonly type: typeof MessageType.close;
  readonly error?: string;
  readonly allowReconnect?: boolean;
}

/** An acknowledgement of stateful reconnect: all messages up to `sequenceId` have arrived. */
export interface AckMessage {
  readonly type: typeof MessageType.ack;
  readonly sequenceId: number;
}

/** The sequence message of stateful reconnect: the number of the first message that follows. */
export interface SequenceMessage {
  readonly type: typeof MessageType.sequence;
  readonly sequenceId: number;
}

/** Any message of the hub protocol, distinguished by `type`. */
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

/**
 * True for messages that stateful reconnect counts: those of calls and streams. Pings, Close messages, acks and sequences are
 * not counted.
 */
export function isSequenced(message: HubMessage): boolean {
  return message.type <= MessageType.cancelInvocation;
}
