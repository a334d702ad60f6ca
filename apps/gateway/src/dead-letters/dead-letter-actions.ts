// Replaying and dropping: one letter after the other, each with its outcome.
import type { EntryId } from '@millrace/broker';
import { type DeadLetterBroker, eachLetter, findLetter, type PlacedLetter } from './dead-letter-list.js';

/** What is done with letters. */
export type LetterAction = 'replay' | 'drop';

/** What became of one letter. */
export interface LetterOutcome {
  readonly id: EntryId;
  /** Absent when no stream has the letter. */
  readonly stream?: string;
  readonly status: 'replayed' | 'dropped' | 'not_found' | 'not_replayable';
  /** ID of the entry that was appended. */
  readonly newId?: EntryId;
}

/** Which letters: these, or all that are there, at most `limit`. */
export type LetterChoice = { readonly ids: readonly EntryId[] } | { readonly limit: number };

/**
 * Does `action` with each chosen letter, oldest first where all are chosen. Outcomes come as they happen; what was done
 * before an error stays done.
 *
 * @throws GatewayError `invalid_arguments` when several of the streams have a letter with one of the IDs
 */
export async function* settleLetters(
  broker: DeadLetterBroker,
  streams: readonly string[],
  action: LetterAction,
  choice: LetterChoice,
): AsyncGenerator<LetterOutcome, void, void> {
  if ('limit' in choice) {
    for await (const letter of eachLetter(broker, streams, choice.limit))
      yield settle(broker, action, letter);
    return;
  }
  for (const id of choice.ids) {
    const letter = await findLetter(broker, streams, id);
    yield letter === undefined ? { id, status: 'not_found' } : await settle(broker, action, letter);
  }
}

async function settle(
  broker: DeadLetterBroker,
  action: LetterAction,
  { stream, id }: PlacedLetter,
): Promise<LetterOutcome> {
  if (action === 'drop') {
    const dropped = await broker.dropDeadLetters(stream, [id]);
    return { stream, id, status: dropped === 0 ? 'not_found' : 'dropped' };
  }
  const result = await broker.requeueDeadLetter(stream, id);
  if (result.status === 'requeued') return { stream, id, status: 'replayed', newId: result.id };
  return { stream, id, status: result.status === 'not_requeueable' ? 'not_replayable' : result.status };
}

/** The outcome in words. */
export function outcomeText(outcome: LetterOutcome): string {
  return outcomeTexts[outcome.status](outcome);
}

const outcomeTexts: Readonly<Record<LetterOutcome['status'], (outcome: LetterOutcome) => string>> = {
  replayed: ({ stream = '', id, newId = '' }) => `replayed  ${stream}  ${id}  as ${newId}`,
  dropped: ({ stream = '', id }) => `dropped  ${stream}  ${id}`,
  not_found: ({ stream, id }) =>
    `not found: ${id} is no dead letter${stream === undefined ? '' : ` of ${stream}`} (any more)`,
  not_replayable: ({ stream = '', id }) =>
    `not replayable: what the entry of ${id} in ${stream} held is not known exactly; drop is possible`,
};

/** The outcome as one line of JSON. */
export function outcomeJson({ stream, id, status, newId }: LetterOutcome): string {
  return JSON.stringify({ stream: stream ?? null, id, status, entry_id: newId ?? null });
}
