/*
 * The events that the server reports for logs and metrics. No event contains a token, or the arguments or the result of a call.
 */
import type { CloseReason } from './connection/close-reason.js';
import type { TransportName } from './protocol/negotiate.js';

/**
 * The connection that an event is about. The connection id is public. The connection token is secret and never appears in an event.
 * @beta
 */
export interface ConnectionIdentity {
  /** The path that the hub or the handler of raw connections is mapped to. */
  readonly hub: string;
  readonly connectionId: string;
  readonly userId: string | null;
  readonly transport: TransportName;
}

/** The reason why a handshake failed. @beta */
export type HandshakeFailure = 'timeout' | 'too_big' | 'malformed' | 'refused' | 'closed';

/** The reason why the server refused an HTTP request. @beta */
export type RefusalReason =
  | 'unauthorized'
  /** `authenticate` threw an `AuthenticationUnavailable`. The client received 503. */
  | 'authentication_unavailable'
  | 'origin_not_allowed'
  | 'too_many_pending_connections'
  /** The client's budget for messages and requests is used up. The client received 429. */
  | 'rate_limited'
  /** The client has too many open connections. It received 429. */
  | 'too_many_connections_of_client'
  /** The client has too many negotiated connections without a transport. It received 429. */
  | 'too_many_pending_connections_of_client'
  | 'unknown_connection'
  | 'already_connected'
  | 'other_user'
  /** The directory of connections did not answer, or answered with an error. The client received 503. */
  | 'directory_unavailable'
  /**
   * The instance that serves the connection could not be reached, but may still run. The client received 503.
   */
  | 'instance_unreachable'
  | 'server_closed';

/** A part of the hub's code: a hook, or the methods that still run. @beta */
export type HubCode = 'onConnected' | 'methods' | 'onDisconnected';

/** All events of the server, distinguished by `type`. @beta */
export type SignalREvent =
  /** `protocol` is `json` or `messagepack`, or `raw` for a raw connection. */
  | (ConnectionIdentity & { readonly type: 'connection_opened'; readonly protocol: string })
  /** The client lost its socket and continued over another socket (stateful reconnect). */
  | (ConnectionIdentity & { readonly type: 'connection_resumed' })
  | (ConnectionIdentity & {
      readonly type: 'connection_closed';
      readonly reason: CloseReason;
      readonly durationMs: number;
      readonly error: Error | undefined;
    })
  | (ConnectionIdentity & { readonly type: 'handshake_failed'; readonly reason: HandshakeFailure })
  | (ConnectionIdentity & {
      readonly type: 'invocation_failed';
      /** The declared name of the method, or null when the client named a method that does not exist. */
      readonly method: string | null;
      readonly failure: InvocationFailure;
      readonly error: Error | undefined;
    })
  | (ConnectionIdentity & {
      /**
       * A message of the client had no effect. Its call or stream is not running, or it belongs to stateful reconnect, which
       * this connection does not use.
       */
      readonly type: 'message_ignored';
      readonly messageType: number;
    })
  /**
   * A message was not sent, because the client was slow and a newer message with the same key replaced it (`ClientProxy.latest`).
   */
  | (ConnectionIdentity & { readonly type: 'message_replaced' })
  | (ConnectionIdentity & {
      readonly type: 'disconnected_hook_failed' | 'refreshed_hook_failed' | 'backpressure_hook_failed';
      readonly error: Error;
    })
  /**
   * Code of the hub still runs 30 s after its connection began to end, so the end does not wait for it any longer. Its later calls have no
   * effect.
   */
  | (ConnectionIdentity & { readonly type: 'hub_code_overdue'; readonly code: HubCode })
  /** The handler of a raw connection threw. The connection is closed. */
  | (ConnectionIdentity & { readonly type: 'handler_failed'; readonly error: Error })
  | { readonly type: 'authentication_failed'; readonly hub: string; readonly error: Error }
  /** A function of the application threw (`allowedOrigins`, `redirectNegotiate`). The server answered 500. */
  | { readonly type: 'request_failed'; readonly hub: string; readonly error: Error }
  /** The backplane works: this instance receives its own messages, for the first time or again after `backplane_down`. */
  | { readonly type: 'backplane_up'; readonly hub: string }
  /**
   * The backplane does not work: for three heartbeats, this instance has received none of its own messages. `error` is the
   * error of the last attempt to subscribe, if that attempt failed.
   */
  | { readonly type: 'backplane_down'; readonly hub: string; readonly error: Error | undefined }
  /**
   * Messages of the instance `from` did not arrive; `lost` is their number. Some of them may have concerned only clients of
   * other instances.
   */
  | { readonly type: 'backplane_gap'; readonly hub: string; readonly from: string; readonly lost: number }
  /**
   * The backplane did not confirm a message, so other instances may have missed it. Clients of this instance receive it
   * anyway if it was a send.
   */
  | { readonly type: 'backplane_publish_failed'; readonly hub: string; readonly error: Error }
  /**
   * Another instance uses a version of the message format that this instance cannot read. Neither can reach the other's
   * clients. Reported once per version. Each message of that version is also reported as `backplane_message_ignored`.
   */
  | { readonly type: 'backplane_version_unknown'; readonly hub: string; readonly version: number }
  /** A message that arrived through the backplane had no effect. */
  | {
      readonly type: 'backplane_message_ignored';
      readonly hub: string;
      readonly reason: BackplaneIgnoreReason;
    }
  | {
      readonly type: 'request_refused';
      readonly hub: string;
      readonly reason: RefusalReason;
      /** The origin of the page, cut to 200 characters. Present only if `reason` is `origin_not_allowed`. */
      readonly origin?: string;
    };

/** The reason why a message of another instance had no effect. @beta */
export type BackplaneIgnoreReason =
  /** The message uses another version of the message format. */
  | 'unknown_version'
  | 'unknown_kind'
  | 'malformed'
  /** The message has arrived before, or is older than the sender's last message. */
  | 'repeated'
  /** The sender is unknown, and this instance already tracks 1,000 other instances. */
  | 'refused';

/** The reason why an invocation failed. @beta */
export type InvocationFailure =
  | 'unknown_method'
  /** The client's budget for messages is used up (`clientLimits`). */
  | 'rate_limited'
  | 'invalid_arguments'
  | 'method_threw'
  | 'unserializable_result'
  | 'unauthorized'
  /** A streaming method was invoked as a call, or a method that does not stream was invoked as a stream. */
  | 'wrong_kind'
  /** The client announced a different number of uploads than the method declares. */
  | 'wrong_uploads'
  | 'duplicate_id'
  | 'too_many_streams'
  /** A stream failed after it had begun, or the result of a streaming method is not iterable. */
  | 'stream_failed';

/** Receives the events. The server calls this function synchronously, so it must return quickly. @beta */
export type SignalREventListener = (event: SignalREvent) => void;

/** Wraps the listener, so that its errors become process warnings. Otherwise an error could end a client's connection. */
export function createEventSink(listener: SignalREventListener | undefined): SignalREventListener {
  if (listener === undefined) return () => {};
  return (event) => {
    try {
      listener(event);
    } catch (error) {
      process.emitWarning(`onEvent threw: ${String(error)}`, 'SignalRWarning');
    }
  };
}
