// Parses dead letters from the entries of their stream. Pure, and the same for every broker.
import { MAX_FIELDS } from '../arguments.js';
import type { DeadLetter } from '../port/dead-letter-store.js';
import type { Entry } from '../port/entry-log.js';
import { parseFieldsJson } from './fields-json.js';

/** Parses one entry of a dead-letter stream. Never throws, because another process may have written the entry. */
export function toDeadLetter({ id, fields, isUtf8 }: Entry): DeadLetter {
  const content = parseFieldsJson(fields['fields'] ?? '');
  const size = Object.keys(content).length;
  return {
    id,
    originId: fields['origin_id'] ?? '',
    reason: fields['reason'] ?? '',
    rejectedBy: fields['rejected_by'] ?? '',
    fields: content,
    isRequeueable: size > 0 && size <= MAX_FIELDS && isUtf8 !== false && fields['is_utf8'] !== '0',
  };
}
