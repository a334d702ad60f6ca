// The chat message that every latency run sends.
import { randomUUID } from 'node:crypto';

const requestId = randomUUID();
const senderId = randomUUID();

/** A chat message's payload with this content; about 450 bytes as JSON. */
export function chatPayload(content: string, sequenceNumber: number) {
  return {
    id: randomUUID(),
    request_id: requestId,
    sender_id: senderId,
    sender: { id: senderId, username: 'maria' },
    content,
    sequence_number: sequenceNumber,
    is_screenshot: false,
    created_at: new Date().toISOString(),
  };
}
