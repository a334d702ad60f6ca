// The payloads of the built-in event types. Payloads that the data model defines are checked field by field. For payloads that the
// data model leaves open, this file declares recommended fields, which appear in static types and documents. Field names are part
// of the wire format and never change. Unknown extra fields are kept.
import {
  Enum,
  Boolean as Flag,
  Integer,
  Literal,
  Null,
  Object as Shape,
  String as Text,
  Union,
} from 'typebox';
import { nonEmptyList, optional, timestamp, uuid } from '../schema/field-schemas.js';

/** Schema of a JSON object with any fields. Used for payloads whose fields the data model leaves open. */
export const anyObject = Shape({});

/** The sender of a chat message. Its fields are only recommended, because the data model does not define them. */
const senderInfo = Shape(
  {
    id: uuid({ description: 'The user.' }),
    username: Text({ description: 'Display name.' }),
    full_name: optional(Text({ description: 'Full name.' })),
    email: optional(Text({ description: 'E-mail address, not checked.' })),
  },
  { description: 'The sender of the message.' },
);

const messageFields = {
  id: uuid({ description: 'Identifier of the message in the database.' }),
  request_id: uuid({ description: 'The request that the message belongs to.' }),
  sender_id: optional(uuid({ description: 'The sender. Null for a system message.' })),
  content: Text({ description: 'Text of the message.' }),
  sequence_number: Integer({ description: 'Position of the message within its request.' }),
  is_screenshot: Flag({ description: 'True when a screenshot is attached.' }),
  created_at: timestamp({ description: 'Time when the message was made.' }),
  client_temp_id: optional(
    Text({ description: 'Identifier that the sender uses until it receives the final one.' }),
  ),
};

/** Recommended payload of `chat_message`. */
export const chatMessagePayload = Shape({ ...messageFields, sender: optional(senderInfo) });

/** Payload of `chat_message` with only the fields that the data model defines. */
export const openChatMessagePayload = Shape({
  ...messageFields,
  sender: optional(Shape({}, { description: 'The sender of the message. Its fields are open.' })),
});

const typingFields = {
  user_id: uuid({ description: 'The user who is typing.' }),
  username: Text({ description: 'Display name.' }),
};

/** Payload of `typing_start`. */
export const typingStartPayload = Shape({
  ...typingFields,
  is_typing: Literal(true, { description: 'True: the user is typing.' }),
});

/** Payload of `typing_stop`. */
export const typingStopPayload = Shape({
  ...typingFields,
  is_typing: Literal(false, { description: 'False: the user is no longer typing.' }),
});

/** Recommended payload of `read_receipt`. */
export const readReceiptPayload = Shape({
  user_id: uuid({ description: 'The user who read the messages.' }),
  message_ids: nonEmptyList(uuid({ description: 'Identifier of a message.' }), {
    description: 'The messages that were read.',
  }),
});

/** Payload of `status_change`. */
export const statusChangePayload = Shape({
  request_id: uuid({ description: 'The request whose status changed.' }),
  old_status: Text({ description: 'Name of the previous status.' }),
  new_status: Text({ description: 'Name of the new status.' }),
  changed_by: Text({ description: 'The user or program that changed the status.' }),
  changed_at: timestamp({ description: 'Time of the change.' }),
});

/** Recommended payload of `assignment_change`. */
export const assignmentChangePayload = Shape({
  request_id: uuid({ description: 'The request that was assigned.' }),
  assignee_id: Union([uuid(), Null()], { description: 'The new assignee. Null: the request is unassigned.' }),
  assignee_name: optional(Text({ description: 'Display name of the new assignee.' })),
  assigned_by: Text({ description: 'The user or program that assigned the request.' }),
});

/** Recommended payload of `notification`. */
export const notificationPayload = Shape({
  type: Text({ description: 'Kind of notification, chosen by the application.' }),
  title: Text({ description: 'Title of one line.' }),
  body: optional(Text({ description: 'Further text.' })),
  action_url: optional(
    Text({
      description: 'Address that a click opens. Not checked: the client decides which addresses it opens.',
    }),
  ),
});

const remoteSessionFields = {
  session_id: uuid({ description: 'The remote session.' }),
  agent_id: uuid({ description: 'The user who helps.' }),
  requester_id: uuid({ description: 'The user who receives help.' }),
  agent_name: optional(Text({ description: 'Display name of the user who helps.' })),
  request_id: optional(uuid({ description: 'The request that the session belongs to.' })),
  request_title: optional(Text({ description: 'Title of that request.' })),
  mode: optional(
    Enum(['view', 'control'], { description: 'Rights of the helper: to view only, or to view and control.' }),
  ),
};

/** Recommended payload of `remote_session_start`. */
export const remoteSessionStartPayload = Shape({ ...remoteSessionFields });

/** Recommended payload of `remote_session_end`. */
export const remoteSessionEndPayload = Shape({
  ...remoteSessionFields,
  reason: optional(Text({ description: 'Reason of the end.' })),
});
