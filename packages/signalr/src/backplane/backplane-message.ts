/*
 * The messages that instances send to one another.
 */
import type { Address } from '../hub/address.js';
import type { ConnectionRequest } from '../hub/connection-request.js';
import type { Encodings } from '../protocol/relayed-message.js';

/** The reasons why an instance could not call one of its clients for another instance. */
export const FAILURE_CODES = ['disconnected', 'not_ready', 'too_many_calls', 'unserializable'] as const;

/** One of {@link FAILURE_CODES}. */
export type FailureCode = (typeof FAILURE_CODES)[number];

/**
 * The sender and the sequence number of a message. Only `send` and `query` messages get a number of their own. Any other
 * message repeats the sender's last number.
 */
export interface Head {
  /** The id of the sending instance: 128 random bits in base64url. */
  readonly sender: string;
  readonly sequence: number;
}

/** A request about one connection, for the instance that has the connection. */
export type Request =
  | ConnectionRequest
  /** Calls the client of the connection. The id of the query serves as the invocation id. */
  | { readonly kind: 'invoke'; readonly encodings: Encodings };

/**
 * An instance's answer to a query. `elsewhere`: the instance does not have the connection. `done`: the
 * instance has carried out the request. For `invoke`, the instance has called the client. `not_done`: the
 * instance has the connection, but there was nothing to do.
 */
export type Answer = 'elsewhere' | 'done' | 'not_done';

/** All messages. The kinds `announce`, `leave`, `send` and `query` go to all instances. All other kinds go to one instance. */
export type BackplaneMessage = Head &
  /**
   * A heartbeat. `isNew` is true if the sender has not received any of its own messages yet. In that case,
   * the other instances should announce themselves.
   */
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
    /** A client has answered a call. `bytes` is the client's completion, encoded in the hub protocol with the name `protocol`. */
    | {
        readonly kind: 'completion';
        readonly id: string;
        readonly protocol: string;
        readonly bytes: Uint8Array;
      }
    | { readonly kind: 'failure'; readonly id: string; readonly code: FailureCode; readonly text: string }
    /** The caller no longer waits for the answer of a call. */
    | { readonly kind: 'cancel'; readonly id: string }
    /**
     * `check` lists the calls between sender and receiver that the sender knows. The receiver answers with `missing`, a list
     * of the calls that it does not know.
     */
    | { readonly kind: 'check'; readonly ids: readonly string[] }
    | { readonly kind: 'missing'; readonly ids: readonly string[] }
  );

/** The backplane message of one kind. */
export type MessageOf<Kind extends BackplaneMessage['kind']> = Extract<
  BackplaneMessage,
  { readonly kind: Kind }
>;

/** The content of a message, without its head. */
export type Body<Kind extends BackplaneMessage['kind'] = BackplaneMessage['kind']> = BodyOf<MessageOf<Kind>>;
type BodyOf<Message> = Message extends Head ? Omit<Message, keyof Head> : never;
