// Reads older entries of a stream through the intake.
import type { Broker, Entry } from '@millrace/broker';
import type { Intake } from './intake.js';

/**
 * Returns the entries as events. An entry that was rejected when it was new has no fields, even if the present rule makes an event
 * of it: no client was sent that event. If its dead letter was replayed, a later entry has the event, under another made ID.
 */
export async function takeDelivered(
  { stream, entries }: { readonly stream: string; readonly entries: readonly Entry[] },
  intake: Intake,
  broker: Pick<Broker, 'findRejected'>,
): Promise<readonly Entry[]> {
  if (entries.length === 0 || !intake.has(stream)) return entries;
  const rejected = await broker.findRejected(
    stream,
    entries.map(({ id }) => id),
  );
  return entries.map((entry) =>
    rejected.has(entry.id) ? { id: entry.id, fields: {} } : intake.take(stream, entry),
  );
}
