// Requeues or drops dead letters one after the other, and reports the outcome for each.
import type { EntryId } from '@millrace/broker';
import {
  type DeadLetterBroker,
  eachDeadLetter,
  findDeadLetter,
  type StreamDeadLetter,
} from './dead-letter-list.js';

/** An action on dead letters, named like its command. `replay` requeues the entry, and `drop` removes the dead letter. */
export type DeadLetterAction = 'replay' | 'drop';

/** Outcome of an action on one dead letter. */
export interface DeadLetterOutcome {
  readonly id: EntryId;
  /** Absent if no stream has the dead letter. */
  readonly stream?: string;
  readonly status: 'replayed' | 'dropped' | 'not_found' | 'not_replayable';
  /** ID of the new entry, if the dead letter was requeued. */
  readonly newId?: EntryId;
}

/** Selects the dead letters with these IDs, or all existing dead letters up to the number `limit`. */
export type DeadLetterSelection = { readonly ids: readonly EntryId[] } | { readonly limit: number };

/**
 * Applies `action` to each selected dead letter, and yields each outcome at once. Without IDs, handles one stream after the
 * other, the oldest dead letter first. An error does not undo earlier actions.
 *
 * @throws GatewayError `invalid_arguments` if one of the IDs exists in more than one stream
 */
export async function* applyToDeadLetters(
  broker: DeadLetterBroker,
  streams: readonly string[],
  action: DeadLetterAction,
  selection: DeadLetterSelection,
): AsyncGenerator<DeadLetterOutcome, void, void> {
  if ('limit' in selection) {
    for await (const deadLetter of eachDeadLetter(broker, streams, selection.limit))
      yield applyTo(broker, action, deadLetter);
    return;
  }
  for (const id of selection.ids) {
    const deadLetter = await findDeadLetter(broker, streams, id);
    yield deadLetter === undefined ? { id, status: 'not_found' } : await applyTo(broker, action, deadLetter);
  }
}

async function applyTo(
  broker: DeadLetterBroker,
  action: DeadLetterAction,
  { stream, id }: StreamDeadLetter,
): Promise<DeadLetterOutcome> {
  if (action === 'drop') {
    const dropped = await broker.dropDeadLetters(stream, [id]);
    return { stream, id, status: dropped === 0 ? 'not_found' : 'dropped' };
  }
  const result = await broker.requeueDeadLetter(stream, id);
  if (result.status === 'requeued') return { stream, id, status: 'replayed', newId: result.id };
  return { stream, id, status: result.status === 'not_requeueable' ? 'not_replayable' : result.status };
}

/** Formats the outcome as text. */
export function outcomeText(outcome: DeadLetterOutcome): string {
  return outcomeTexts[outcome.status](outcome);
}

const outcomeTexts: Readonly<Record<DeadLetterOutcome['status'], (outcome: DeadLetterOutcome) => string>> = {
  replayed: ({ stream = '', id, newId = '' }) => `replayed  ${stream}  ${id}  as ${newId}`,
  dropped: ({ stream = '', id }) => `dropped  ${stream}  ${id}`,
  not_found: ({ stream, id }) =>
    `not found: ${id} is not a dead letter${stream === undefined ? '' : ` of ${stream}`} (any more)`,
  not_replayable: ({ stream = '', id }) =>
    `not replayable: the exact content of the entry of ${id} in ${stream} is not known; drop is possible`,
};

/** Formats the outcome as one line of JSON. */
export function outcomeJson({ stream, id, status, newId }: DeadLetterOutcome): string {
  return JSON.stringify({ stream: stream ?? null, id, status, entry_id: newId ?? null });
}
