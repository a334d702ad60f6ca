// Writes an audit line for every change of a dead letter.

import type { EntryId } from '@millrace/broker';
import { messageOf } from '@millrace/internal';
import type { Audit, AuditRecord } from '../telemetry/audit.js';
import type { DeadLetterBroker } from './dead-letter-list.js';

/**
 * Returns a broker that works like the given one and writes audit lines. Each dead letter that is requeued or dropped gets a
 * line, and so does each attempt that is refused or fails.
 */
export function auditedDeadLetters(broker: DeadLetterBroker, audit: Audit, by: string): DeadLetterBroker {
  const line = (action: AuditRecord['action'], stream: string, id: EntryId) => ({
    action,
    by,
    target: { stream, id },
  });
  return {
    partitioning: broker.partitioning,
    listDeadLetters: (...args) => broker.listDeadLetters(...args),
    readDeadLetter: (...args) => broker.readDeadLetter(...args),
    async requeueDeadLetter(stream, id) {
      const act = line('dead_letter_replay', stream, id);
      const result = await orFailed(audit, [act], broker.requeueDeadLetter(stream, id));
      if (result.status === 'requeued')
        audit({ ...act, target: { ...act.target, entry_id: result.id }, outcome: 'done' });
      else audit({ ...act, outcome: 'refused', reason: result.status });
      return result;
    },
    async dropDeadLetters(stream, ids) {
      const acts = ids.map((id) => line('dead_letter_drop', stream, id));
      const count = await orFailed(audit, acts, broker.dropDeadLetters(stream, ids));
      const outcome =
        count === ids.length
          ? ({ outcome: 'done' } as const)
          : ({ outcome: 'refused', reason: `${count} of ${ids.length} were there` } as const);
      for (const act of acts) audit({ ...act, ...outcome });
      return count;
    },
  };
}

async function orFailed<Result>(
  audit: Audit,
  acts: readonly Omit<AuditRecord, 'outcome' | 'reason'>[],
  work: Promise<Result>,
): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    const reason = messageOf(error);
    for (const act of acts) audit({ ...act, outcome: 'failed', reason });
    throw error;
  }
}
