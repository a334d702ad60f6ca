// Messages for tests of the page.
import type { Message } from '../src/api-types.js';

/** Creates a stored message with this sequence number. */
export function message(number: number, tempId: string | null = null): Message {
  return {
    id: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    request_id: '00000000-0000-4000-8000-000000000000',
    content: `line ${number}`,
    sequence_number: number,
    is_screenshot: false,
    created_at: '2026-01-16T10:00:00.000Z',
    client_temp_id: tempId,
  };
}

/** A message that is being sent. */
export const pending = {
  clientTempId: 'a',
  content: 'x',
  createdAt: '2026-01-16T10:00:00.000Z',
  state: 'sending',
} as const;
