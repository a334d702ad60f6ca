/*
 * The messages that instances send to one another.
 */
import type { Address } from '../hub/address.js';
import type { ConnectionRequest } from '../hub/connection-request.js';
import type { Encodings } from '../protocol/relayed-message.js';

/** The reasons why an instance could not call one of its clients for another instance. */
export const FAILURE_CODES = ['disconnected', 'not_ready', 'too_many_calls', 'unserializable'] as const;

/** One of the codes with which a call on a client of another instance fails there. */
export type FailureCode = (typeof FAILURE_CODES)[number];

/** The sender of a message and its sequence number. A message that is not a numbered broadcast has the number of the last one. */
export interface Head {
  /** 128 random bits in base64url. */
  readonly sender: string;
  readonly sequence: number;
}

/** A request to the instance that has a connection. */
export type Request =
  | ConnectionRequest
  /** The query's id is the invocation id. */
  | { readonly kind: 'invoke'; readonly encodings: Encodings };

/**
 * `elsewhere`: this instance does not have the connection. `not_done`: it has, and there was nothing to do. For `invoke`, `done`: the
 * client was called.
 */
export type Answer = 'elsewhere' | 'done' | 'not_done';

/** All messages. `announce`, `leave`, `send` and `query` go to all instances, the others to one. */
export type BackplaneMessage = Head &
  /** A heartbeat. `isNew`: the sender has not received its own messages yet and wants the others to announce themselves. */
  (
    | { readonly kind: 'announce'; readonly isNew: boolean }
    | { readonly kind: 'leave' }
    | {
        readonly kind: 'send';
        readonly address: Address;
        readonly key: string | undefined;
        readonly encodings: Encodings;
      }
    | {
        readonly kind: 'query';
        readonly id: string;
        readonly connectionId: string;
        readonly request: Request;
      }
    | { readonly kind: 'answer'; readonly id: string; readonly answer: Answer }
    /** A client has answered a call: the completion in its own protocol. */
    | {
        readonly kind: 'completion';
        readonly id: string;
        readonly protocol: string;
        readonly bytes: Uint8Array;
      }
    | { readonly kind: 'failure'; readonly id: string; readonly code: FailureCode; readonly text: string }
    /** The caller no longer waits for the answer of a call. */
    | { readonly kind: 'cancel'; readonly id: string }
    /** Calls between sender and receiver that the sender has; `missing` lists those of them that the receiver does not have. */
    | { readonly kind: 'check'; readonly ids: readonly string[] }
    | { readonly kind: 'missing'; readonly ids: readonly string[] }
  );

/** One kind of message. */
export type MessageOf<Kind extends BackplaneMessage['kind']> = Extract<
  BackplaneMessage,
  { readonly kind: Kind }
>;

/** The content of a message, without its head. */
export type Body<Kind extends BackplaneMessage['kind'] = BackplaneMessage['kind']> = BodyOf<MessageOf<Kind>>;
type BodyOf<Message> = Message extends Head ? Omit<Message, keyof Head> : never;
