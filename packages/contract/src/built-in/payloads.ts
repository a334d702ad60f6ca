// The payloads of the built-in event types. Payloads that the data model defines are checked field by field. For payloads that it
// leaves open, the fields here are recommended: they are in static types and documents. Field names are on the wire and never change.
// Unknown extra fields are kept.
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

/** A JSON object whose fields the data model leaves open. */
export const anyObject = Shape({});

/** The sender of a chat message. Recommended: the data model does not define its fields. */
const senderInfo = Shape(
  {
    id: uuid({ description: 'The user.' }),
    username: Text({ description: 'Display name.' }),
    full_name: optional(Text({ description: 'Full name.' })),
    email: optional(Text({ description: 'E-mail address, not checked.' })),
  },
  { description: 'Who sent the message.' },
);

const messageFields = {
  id: uuid({ description: 'Identifier of the message in the database.' }),
  request_id: uuid({ description: 'The request the message belongs to.' }),
  sender_id: optional(uuid({ description: 'The sender. Null for a system message.' })),
  content: Text({ description: 'What was written.' }),
  sequence_number: Integer({ description: 'Place of the message within its request.' }),
  is_screenshot: Flag({ description: 'True when a screenshot is attached.' }),
  created_at: timestamp({ description: 'When the message was made.' }),
  client_temp_id: optional(
    Text({ description: 'The sender’s own identifier, until it knows the final one.' }),
  ),
};

/** Payload of `chat_message`. */
export const chatMessagePayload = Shape({ ...messageFields, sender: optional(senderInfo) });

/** Payload of `chat_message` with the fields that the data model defines. */
export const openChatMessagePayload = Shape({
  ...messageFields,
  sender: optional(Shape({}, { description: 'Who sent the message. Its fields are open.' })),
});

const typingFields = {
  user_id: uuid({ description: 'The user who types.' }),
  username: Text({ description: 'Display name.' }),
};

/** Payload of `typing_start`. */
export const typingStartPayload = Shape({
  ...typingFields,
  is_typing: Literal(true, { description: 'True: the user types.' }),
});

/** Payload of `typing_stop`. */
export const typingStopPayload = Shape({
  ...typingFields,
  is_typing: Literal(false, { description: 'False: the user no longer types.' }),
});

/** Recommended payload of `read_receipt`. */
export const readReceiptPayload = Shape({
  user_id: uuid({ description: 'The user who read.' }),
  message_ids: nonEmptyList(uuid({ description: 'A message.' }), {
    description: 'The messages that were read.',
  }),
});

/** Payload of `status_change`. */
export const statusChangePayload = Shape({
  request_id: uuid({ description: 'The request whose status changed.' }),
  old_status: Text({ description: 'Name of the status before.' }),
  new_status: Text({ description: 'Name of the status now.' }),
  changed_by: Text({ description: 'Who changed it.' }),
  changed_at: timestamp({ description: 'When it changed.' }),
});

/** Recommended payload of `assignment_change`. */
export const assignmentChangePayload = Shape({
  request_id: uuid({ description: 'The request that was assigned.' }),
  assignee_id: Union([uuid(), Null()], { description: 'Who has it now. Null: nobody.' }),
  assignee_name: optional(Text({ description: 'Display name of the one who has it now.' })),
  assigned_by: Text({ description: 'Who assigned it.' }),
});

/** Recommended payload of `notification`. */
export const notificationPayload = Shape({
  type: Text({ description: 'Kind of notification; the application decides which there are.' }),
  title: Text({ description: 'One line.' }),
  body: optional(Text({ description: 'More text.' })),
  action_url: optional(
    Text({ description: 'Where a click leads. Not checked: the client decides what it opens.' }),
  ),
});

const remoteSessionFields = {
  session_id: uuid({ description: 'The remote session.' }),
  agent_id: uuid({ description: 'Who helps.' }),
  requester_id: uuid({ description: 'Who is helped.' }),
  agent_name: optional(Text({ description: 'Display name of who helps.' })),
  request_id: optional(uuid({ description: 'The request it is about.' })),
  request_title: optional(Text({ description: 'Title of that request.' })),
  mode: optional(
    Enum(['view', 'control'], { description: 'Whether the helper sees only, or also controls.' }),
  ),
};

/** Recommended payload of `remote_session_start`. */
export const remoteSessionStartPayload = Shape({ ...remoteSessionFields });

/** Recommended payload of `remote_session_end`. */
export const remoteSessionEndPayload = Shape({
  ...remoteSessionFields,
  reason: optional(Text({ description: 'Why it ended.' })),
});
