// Finds and lists the dead letters of several streams. Prints no output.
import {
  type Broker,
  compareEntryIds,
  type DeadLetter,
  type EntryId,
  previousEntryId,
} from '@millrace/broker';
import { GatewayError } from '../errors.js';

/** The methods of the broker with which dead letters are listed, requeued and dropped. */
export type DeadLetterBroker = Pick<
  Broker,
  'partitioning' | 'listDeadLetters' | 'readDeadLetter' | 'requeueDeadLetter' | 'dropDeadLetters'
>;

/** A dead letter, with the stream of the rejected entry. */
export interface StreamDeadLetter extends DeadLetter {
  readonly stream: string;
}

/** Selects the dead letters that {@link newestDeadLetters} returns. */
export interface ListOptions {
  /** Maximum number of dead letters in total, from all streams: 1 to 1000. */
  readonly limit: number;
  /** Selects only dead letters that are older than this ID, for the next page. */
  readonly before?: EntryId;
}

/**
 * Number of dead letters that {@link eachDeadLetter} reads at a time. A dead letter may contain megabytes.
 */
const deadLettersPerPage = 20;

/**
 * Returns the names of the stream `name` and of its partitions, or of all streams without a name.
 *
 * @throws GatewayError `invalid_arguments` if there is no such stream
 */
export function streamsNamed(broker: DeadLetterBroker, name: string | undefined): readonly string[] {
  const all = broker.partitioning.streams.map((stream) => stream.name);
  if (name === undefined) return all;
  const found = all.filter((stream) => stream === name || /^\.p\d+$/.test(remainder(stream, name)));
  if (found.length > 0) return found;
  throw new GatewayError(
    'invalid_arguments',
    `There is no stream ${name}. The streams are ${all.join(', ')}. For those of an application, give --app.`,
  );
}

/**
 * Returns the newest dead letters of these streams, newest first. Dead letters with the same ID stay on one page, even if
 * that page becomes slightly longer than `limit`.
 */
export async function newestDeadLetters(
  broker: DeadLetterBroker,
  streams: readonly string[],
  { limit, before }: ListOptions,
): Promise<readonly StreamDeadLetter[]> {
  const upTo = before === undefined ? {} : { upTo: previousEntryId(before) };
  const lists = await Promise.all(
    streams.map(async (stream) => {
      const deadLetters = await broker.listDeadLetters(stream, {
        count: limit,
        direction: 'backward',
        ...upTo,
      });
      return deadLetters.map((deadLetter) => ({ ...deadLetter, stream }));
    }),
  );
  const all = lists.flat().sort((a, b) => compareEntryIds(b.id, a.id));
  const lastId = all[limit - 1]?.id;
  return all.filter((deadLetter, index) => index < limit || deadLetter.id === lastId);
}

/**
 * Returns the dead letter with this ID, or `undefined` if there is none.
 *
 * @throws GatewayError `invalid_arguments` if more than one of the streams has a dead letter with this ID
 */
export async function findDeadLetter(
  broker: DeadLetterBroker,
  streams: readonly string[],
  id: EntryId,
): Promise<StreamDeadLetter | undefined> {
  const found: StreamDeadLetter[] = [];
  for (const stream of streams) {
    const deadLetter = await broker.readDeadLetter(stream, id);
    if (deadLetter !== undefined) found.push({ ...deadLetter, stream });
  }
  if (found.length <= 1) return found[0];
  const streamNames = found.map(({ stream }) => stream).join(' and ');
  throw new GatewayError(
    'invalid_arguments',
    `${id} is a dead letter of ${streamNames}. Choose one of them with --stream.`,
  );
}

/**
 * Yields at most `limit` of the present dead letters, stream by stream, oldest first. Leaves out those that are added during
 * the iteration. A requeued entry becomes a dead letter again if it is still invalid, so the iteration might never end
 * otherwise.
 */
export async function* eachDeadLetter(
  broker: DeadLetterBroker,
  streams: readonly string[],
  limit: number,
): AsyncGenerator<StreamDeadLetter, void, void> {
  const ends = await Promise.all(
    streams.map(async (stream) => [stream, await newestId(broker, stream)] as const),
  );
  let left = limit;
  for (const [stream, upTo] of ends) {
    if (upTo === undefined) continue;
    for (let after: EntryId | undefined; left > 0; ) {
      const from = after === undefined ? {} : { after };
      const page = await broker.listDeadLetters(stream, {
        count: Math.min(deadLettersPerPage, left),
        upTo,
        ...from,
      });
      for (const deadLetter of page) yield { ...deadLetter, stream };
      after = page.at(-1)?.id;
      left -= page.length;
      if (after === undefined) break;
    }
  }
}

async function newestId(broker: DeadLetterBroker, stream: string): Promise<EntryId | undefined> {
  const [newest] = await broker.listDeadLetters(stream, { count: 1, direction: 'backward' });
  return newest?.id;
}

function remainder(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : '';
}
