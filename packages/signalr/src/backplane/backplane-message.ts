/*
 * What instances tell one another.
 */
import type { Address } from '../hub/address.js';
import type { ConnectionRequest } from '../hub/connection-request.js';
import type { Encodings } from '../protocol/relayed-message.js';

/** Why an instance could not call a client of its own for another one. */
export const FAILURE_CODES = ['disconnected', 'not_ready', 'too_many_calls', 'unserializable'] as const;

/** One of the codes with which a call on a client of another instance fails there. */
export type FailureCode = (typeof FAILURE_CODES)[number];

/** Who sent a message, and which of its broadcasts it is; of what is no numbered broadcast the number of the last one. */
export interface Head {
  /** 128 random bits in base64url. */
  readonly sender: string;
  readonly sequence: number;
}

/** What the instance that has a connection is asked to do with it. */
export type Request =
  | ConnectionRequest
  /** The question's id is the invocation id. */
  | { readonly kind: 'invoke'; readonly encodings: Encodings };

/** `elsewhere`: it is not here. `not_done`: it is, and there was nothing to do. For `invoke`, `done`: the client was called. */
export type Answer = 'elsewhere' | 'done' | 'not_done';

/** Everything that is said. To all: `hello`, `bye`, `send`, `question`. To one instance: the rest. */
export type BackplaneMessage = Head &
  /** A sign of life. `isNew`: the sender has not heard itself yet and would like to know who is there. */
  (
    | { readonly kind: 'hello'; readonly isNew: boolean }
    | { readonly kind: 'bye' }
    | {
        readonly kind: 'send';
        readonly address: Address;
        readonly key: string | undefined;
        readonly encodings: Encodings;
      }
    | {
        readonly kind: 'question';
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
    /** Nobody waits for the answer of a call any more. */
    | { readonly kind: 'cancel'; readonly id: string }
    /** Calls between sender and receiver that the sender knows of; `missing` says which of them the other one does not. */
    | { readonly kind: 'check'; readonly ids: readonly string[] }
    | { readonly kind: 'missing'; readonly ids: readonly string[] }
  );

/** One kind of message. */
export type MessageOf<Kind extends BackplaneMessage['kind']> = Extract<
  BackplaneMessage,
  { readonly kind: Kind }
>;

/** What is said, without who says it. */
export type Body<Kind extends BackplaneMessage['kind'] = BackplaneMessage['kind']> = BodyOf<MessageOf<Kind>>;
type BodyOf<Message> = Message extends Head ? Omit<Message, keyof Head> : never;
