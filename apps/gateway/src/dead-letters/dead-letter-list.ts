// Dead letters of several streams as one list: found, listed, gone through. Knows no terminal.
import {
  type Broker,
  compareEntryIds,
  type DeadLetter,
  type EntryId,
  previousEntryId,
} from '@millrace/broker';
import { GatewayError } from '../errors.js';

/** What the functions here need of a broker. */
export type DeadLetterBroker = Pick<
  Broker,
  'partitioning' | 'listDeadLetters' | 'readDeadLetter' | 'requeueDeadLetter' | 'dropDeadLetters'
>;

/** A dead letter and the stream whose entry it was. */
export interface PlacedLetter extends DeadLetter {
  readonly stream: string;
}

/** Which letters {@link listLetters} gives. */
export interface ListOptions {
  /** At most so many, of all streams together; 1 to 1000. */
  readonly limit: number;
  /** Only letters older than this ID: how the next page is asked for. */
  readonly before?: EntryId;
}

/** Letters read at once by {@link eachLetter}. One may hold megabytes. */
const pageLetters = 20;

/**
 * The real streams that a name stands for: itself and its partitions; without a name all of them.
 *
 * @throws GatewayError `invalid_arguments` when there is no such stream
 */
export function streamsNamed(broker: DeadLetterBroker, name: string | undefined): readonly string[] {
  const all = broker.partitioning.streams.map((stream) => stream.name);
  if (name === undefined) return all;
  const found = all.filter((stream) => stream === name || /^\.p\d+$/.test(remainder(stream, name)));
  if (found.length > 0) return found;
  throw new GatewayError('invalid_arguments', `There is no stream ${name}. There are: ${all.join(', ')}.`);
}

/** Letters of these streams, newest first. Letters with one ID are never torn apart, so a page may be a little longer. */
export async function listLetters(
  broker: DeadLetterBroker,
  streams: readonly string[],
  { limit, before }: ListOptions,
): Promise<readonly PlacedLetter[]> {
  const upTo = before === undefined ? {} : { upTo: previousEntryId(before) };
  const lists = await Promise.all(
    streams.map(async (stream) => {
      const letters = await broker.listDeadLetters(stream, { count: limit, direction: 'backward', ...upTo });
      return letters.map((letter) => ({ ...letter, stream }));
    }),
  );
  const all = lists.flat().sort((a, b) => compareEntryIds(b.id, a.id));
  const lastId = all[limit - 1]?.id;
  return all.filter((letter, index) => index < limit || letter.id === lastId);
}

/**
 * The letter with this ID; `undefined` when there is none.
 *
 * @throws GatewayError `invalid_arguments` when several of the streams have one
 */
export async function findLetter(
  broker: DeadLetterBroker,
  streams: readonly string[],
  id: EntryId,
): Promise<PlacedLetter | undefined> {
  const found: PlacedLetter[] = [];
  for (const stream of streams) {
    const letter = await broker.readDeadLetter(stream, id);
    if (letter !== undefined) found.push({ ...letter, stream });
  }
  if (found.length <= 1) return found[0];
  const places = found.map(({ stream }) => stream).join(' and ');
  throw new GatewayError(
    'invalid_arguments',
    `${id} is a dead letter of ${places}: say which with --stream.`,
  );
}

/**
 * The letters that are there now, stream by stream, oldest first, at most `limit`. What is rejected meanwhile, a replayed
 * entry that is still not valid among it, is left out: so this ends.
 */
export async function* eachLetter(
  broker: DeadLetterBroker,
  streams: readonly string[],
  limit: number,
): AsyncGenerator<PlacedLetter, void, void> {
  const ends = await Promise.all(
    streams.map(async (stream) => [stream, await newestId(broker, stream)] as const),
  );
  let left = limit;
  for (const [stream, upTo] of ends) {
    if (upTo === undefined) continue;
    for (let after: EntryId | undefined; left > 0; ) {
      const from = after === undefined ? {} : { after };
      const page = await broker.listDeadLetters(stream, {
        count: Math.min(pageLetters, left),
        upTo,
        ...from,
      });
      for (const letter of page) yield { ...letter, stream };
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
