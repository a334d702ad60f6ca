/*
 * Creates the Close message that ends a connection, according to the rule of the close reason.
 */
import { type CloseMessage, MessageType } from '../protocol/hub-message.js';
import type { CloseCause, CloseRule } from './close-reason.js';
import { buildErrorText } from './error-text.js';

/** Returns the Close message for a rule, or undefined if the rule sends no message. */
export function closeMessageOf(
  rule: CloseRule,
  cause: CloseCause | undefined,
  enableDetailedErrors: boolean,
): CloseMessage | undefined {
  if (rule.message === 'none') return undefined;
  const close = { type: MessageType.close, allowReconnect: rule.allowReconnect };
  if (rule.message === 'plain') return close;
  const prefix = 'Connection closed with an error.';
  if (rule.message === 'reason' && cause?.error !== undefined)
    return { ...close, error: `${prefix} ${cause.error.message}` };
  return { ...close, error: buildErrorText(prefix, cause?.error, enableDetailedErrors) };
}
