/*
 * What the server reports about itself, for logs and metrics. No event holds a token, an argument or a result.
 */
import type { CloseReason } from './connection/close-reason.js';
import type { TransportName } from './protocol/negotiate.js';

/** Which connection an event is about. The connection id is public; the connection token never appears. */
export interface ConnectionIdentity {
  /** The path the hub is mapped to. */
  readonly hub: string;
  readonly connectionId: string;
  readonly userId: string | null;
  readonly transport: TransportName;
}

/** Why a handshake failed. */
export type HandshakeFailure = 'timeout' | 'too_big' | 'malformed' | 'refused' | 'closed';

/** Why a request was turned away before there was a connection. */
export type RefusalReason =
  | 'unauthorized'
  /** `authenticate` could not tell who it is; the client was answered 503. */
  | 'authentication_unavailable'
  | 'origin_not_allowed'
  | 'too_many_pending_connections'
  | 'unknown_connection'
  | 'already_connected'
  | 'other_user'
  /** The directory of connections could not be asked; the client was answered 503. */
  | 'directory_unavailable'
  /** The instance that serves the connection could not be asked, and may be there all the same; the client was answered 503. */
  | 'instance_unreachable'
  | 'server_closed';

/** Everything the server reports, told apart by `type`. */
export type SignalREvent =
  | (ConnectionIdentity & { readonly type: 'connection_opened'; readonly protocol: string })
  /** The client lost its socket and went on over another one (stateful reconnect). */
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
      /** The declared name of the method, or null when the client named none that exists. */
      readonly method: string | null;
      readonly failure: InvocationFailure;
      readonly error: Error | undefined;
    })
  | (ConnectionIdentity & {
      /** A message about something that is not under way (any more): it was read and has no effect. */
      readonly type: 'message_ignored';
      readonly messageType: number;
    })
  /** A message was not sent: the client was slow, and a newer one of its key came (`ClientProxy.latest`). */
  | (ConnectionIdentity & { readonly type: 'message_replaced' })
  | (ConnectionIdentity & {
      readonly type: 'disconnected_hook_failed' | 'refreshed_hook_failed' | 'backpressure_hook_failed';
      readonly error: Error;
    })
  | { readonly type: 'authentication_failed'; readonly hub: string; readonly error: Error }
  /** The application's own code threw (`allowedOrigins`, `redirectNegotiate`); the request was answered 500. */
  | { readonly type: 'request_failed'; readonly hub: string; readonly error: Error }
  /** This instance hears itself through the backplane, for the first time or again. */
  | { readonly type: 'backplane_up'; readonly hub: string }
  /** It has not heard itself for three heartbeats. The error is that of the last attempt to subscribe, where there was one. */
  | { readonly type: 'backplane_down'; readonly hub: string; readonly error: Error | undefined }
  /** Another instance sent what never came: `lost` messages, whatever they were and whether they were for clients of this one. */
  | { readonly type: 'backplane_gap'; readonly hub: string; readonly from: string; readonly lost: number }
  /** One message is not known to have been published. Clients of this instance have had it all the same. */
  | { readonly type: 'backplane_publish_failed'; readonly hub: string; readonly error: Error }
  /**
   * Another instance is of a version of the package that this one does not understand: neither reaches the other's clients. Told
   * once per version; each of its messages is a `backplane_message_ignored` as well.
   */
  | { readonly type: 'backplane_version_unknown'; readonly hub: string; readonly version: number }
  /** Something that came through the backplane had no effect. */
  | {
      readonly type: 'backplane_message_ignored';
      readonly hub: string;
      readonly reason: BackplaneIgnoreReason;
    }
  | {
      readonly type: 'request_refused';
      readonly hub: string;
      readonly reason: RefusalReason;
      /** The page's origin, where that was the reason; at most 200 characters of what the client sent. */
      readonly origin?: string;
    };

/** Why a message of another instance had no effect. */
export type BackplaneIgnoreReason =
  /** It is of another version of the package. */
  | 'unknown_version'
  | 'unknown_kind'
  | 'malformed'
  /** It came before, or out of its order. */
  | 'repeated'
  /** There are more than 1,000 instances, and it is of a further one. */
  | 'refused';

/** Why an invocation failed. */
export type InvocationFailure =
  | 'unknown_method'
  | 'invalid_arguments'
  | 'method_threw'
  | 'unserializable_result'
  | 'unauthorized'
  /** A streaming method was invoked, or another one streamed. */
  | 'wrong_kind'
  /** The client announced another number of uploads than the method takes. */
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
