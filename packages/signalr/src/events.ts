/*
 * The events that the server reports for logs and metrics. No event holds a token, an argument or a result.
 */
import type { CloseReason } from './connection/close-reason.js';
import type { TransportName } from './protocol/negotiate.js';

/** The connection of an event. The connection id is public; the connection token never appears. */
export interface ConnectionIdentity {
  /** The path the hub is mapped to. */
  readonly hub: string;
  readonly connectionId: string;
  readonly userId: string | null;
  readonly transport: TransportName;
}

/** The reason why a handshake failed. */
export type HandshakeFailure = 'timeout' | 'too_big' | 'malformed' | 'refused' | 'closed';

/** The reason why a request was refused before there was a connection. */
export type RefusalReason =
  | 'unauthorized'
  /** `authenticate` could not identify the client; the answer was 503. */
  | 'authentication_unavailable'
  | 'origin_not_allowed'
  | 'too_many_pending_connections'
  | 'unknown_connection'
  | 'already_connected'
  | 'other_user'
  /** The directory of connections could not be asked; the answer was 503. */
  | 'directory_unavailable'
  /** The instance that serves the connection could not be reached, but may still run; the answer was 503. */
  | 'instance_unreachable'
  | 'server_closed';

/** All events of the server, distinguished by `type`. */
export type SignalREvent =
  | (ConnectionIdentity & { readonly type: 'connection_opened'; readonly protocol: string })
  /** The client lost its socket and continued over another one (stateful reconnect). */
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
      /** A message about a call or stream that is not under way: it was read and had no effect. */
      readonly type: 'message_ignored';
      readonly messageType: number;
    })
  /** A message was not sent: the client was slow, and a newer one of its key replaced it (`ClientProxy.latest`). */
  | (ConnectionIdentity & { readonly type: 'message_replaced' })
  | (ConnectionIdentity & {
      readonly type: 'disconnected_hook_failed' | 'refreshed_hook_failed' | 'backpressure_hook_failed';
      readonly error: Error;
    })
  | { readonly type: 'authentication_failed'; readonly hub: string; readonly error: Error }
  /** The application's own code threw (`allowedOrigins`, `redirectNegotiate`); the request was answered 500. */
  | { readonly type: 'request_failed'; readonly hub: string; readonly error: Error }
  /** This instance receives its own messages through the backplane, for the first time or again. */
  | { readonly type: 'backplane_up'; readonly hub: string }
  /** It has not received its own messages for three heartbeats. The error is that of the last attempt to subscribe, if it failed. */
  | { readonly type: 'backplane_down'; readonly hub: string; readonly error: Error | undefined }
  /** `lost` messages of another instance did not arrive; they need not have been for clients of this one. */
  | { readonly type: 'backplane_gap'; readonly hub: string; readonly from: string; readonly lost: number }
  /** The backplane did not confirm one message. Clients of this instance have received it. */
  | { readonly type: 'backplane_publish_failed'; readonly hub: string; readonly error: Error }
  /**
   * Another instance runs a version of the package that this one does not understand: neither reaches the other's clients. Reported
   * once per version; each of its messages is a `backplane_message_ignored` as well.
   */
  | { readonly type: 'backplane_version_unknown'; readonly hub: string; readonly version: number }
  /** A message of the backplane had no effect. */
  | {
      readonly type: 'backplane_message_ignored';
      readonly hub: string;
      readonly reason: BackplaneIgnoreReason;
    }
  | {
      readonly type: 'request_refused';
      readonly hub: string;
      readonly reason: RefusalReason;
      /** The page's origin, where that was the reason; at most 200 characters of it. */
      readonly origin?: string;
    };

/** The reason why a message of another instance had no effect. */
export type BackplaneIgnoreReason =
  /** It is of another version of the package. */
  | 'unknown_version'
  | 'unknown_kind'
  | 'malformed'
  /** It arrived before, or out of order. */
  | 'repeated'
  /** There are more than 1,000 instances, and it comes from a further one. */
  | 'refused';

/** The reason why an invocation failed. */
export type InvocationFailure =
  | 'unknown_method'
  | 'invalid_arguments'
  | 'method_threw'
  | 'unserializable_result'
  | 'unauthorized'
  /** A streaming method was invoked, or another one streamed. */
  | 'wrong_kind'
  /** The client announced another number of uploads than the method has. */
  | 'wrong_uploads'
  | 'duplicate_id'
  | 'too_many_streams'
  /** A stream broke after it had begun. */
  | 'stream_failed';

/** Receives events synchronously; must be quick. */
export type SignalREventListener = (event: SignalREvent) => void;

/** Calls the listener; an error in it is a process warning, because it must not end a client's connection. */
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
