// `millrace dead-letters list|show|replay|drop`: what became of entries that were rejected.
import { type Broker, BrokerError, createRedisBroker, type EntryId } from '@millrace/broker';
import { eventCatalog } from '@millrace/contract';
import { inWords } from '../broker/broker-failure.js';
import {
  type LetterAction,
  type LetterChoice,
  outcomeJson,
  outcomeText,
  settleLetters,
} from '../dead-letters/dead-letter-actions.js';
import { findLetter, listLetters, streamsNamed } from '../dead-letters/dead-letter-list.js';
import { letterJson, letterTable, letterText } from '../dead-letters/dead-letter-text.js';
import { GatewayError } from '../errors.js';
import { readEnvironment } from '../settings/environment.js';

/** Options that all of these commands have. */
export interface CommonOptions {
  readonly stream?: string;
  readonly json?: boolean;
}

/** Options of `millrace dead-letters list`. */
export interface ListCommandOptions extends CommonOptions {
  readonly limit: number;
  readonly before?: EntryId;
}

/** Options of `millrace dead-letters replay` and `drop`. */
export interface SettleCommandOptions extends CommonOptions {
  readonly all?: boolean;
  readonly limit?: number;
}

/** Prints the newest letters. */
export async function listDeadLetters(options: ListCommandOptions): Promise<void> {
  await withBroker(async (broker) => {
    const letters = await listLetters(broker, streamsNamed(broker, options.stream), options);
    if (options.json === true) for (const letter of letters) console.log(letterJson(letter));
    else if (letters.length > 0) console.log(letterTable(letters));
    else console.error('millrace: no dead letters');
    const last = letters.at(-1);
    if (options.json === true || last === undefined || letters.length < options.limit) return;
    console.error(`millrace: there may be older ones: --before ${last.id}`);
  });
}

/** Prints one letter; exit code 1 when it is not there. */
export async function showDeadLetter(id: EntryId, options: CommonOptions): Promise<void> {
  await withBroker(async (broker) => {
    const letter = await findLetter(broker, streamsNamed(broker, options.stream), id);
    if (letter === undefined) fail(outcomeText({ id, status: 'not_found' }));
    else console.log(options.json === true ? letterJson(letter) : letterText(letter));
  });
}

/**
 * Replays or drops letters, a line for each; exit code 1 when one of them could not be.
 *
 * @throws GatewayError `invalid_arguments` unless either IDs or `--all` is given
 */
export async function settleDeadLetters(
  action: LetterAction,
  ids: readonly EntryId[],
  options: SettleCommandOptions,
): Promise<void> {
  const choice = choiceOf(ids, options);
  await withBroker(async (broker) => {
    let done = 0;
    const streams = streamsNamed(broker, options.stream);
    for await (const outcome of settleLetters(broker, streams, action, choice)) {
      const isDone = outcome.status === 'replayed' || outcome.status === 'dropped';
      if (isDone) done += 1;
      if (options.json === true) console.log(outcomeJson(outcome));
      else if (isDone) console.log(outcomeText(outcome));
      if (!isDone) fail(outcomeText(outcome));
    }
    if (options.all === true)
      console.error(`millrace: ${done} ${action === 'replay' ? 'replayed' : 'dropped'}`);
  });
}

function choiceOf(ids: readonly EntryId[], { all, limit }: SettleCommandOptions): LetterChoice {
  if (ids.length > 0 === (all === true)) {
    throw new GatewayError('invalid_arguments', 'Give the IDs of dead letters, or --all.');
  }
  if (all === true) return { limit: limit ?? Number.POSITIVE_INFINITY };
  if (limit !== undefined) throw new GatewayError('invalid_arguments', '--limit goes with --all.');
  return { ids };
}

/** Runs `work` with the broker that the environment names. It reads and writes dead letters only, and needs no gateway. */
async function withBroker(work: (broker: Broker) => Promise<void>): Promise<void> {
  const { redisUrl } = readEnvironment(process.env).gateway;
  if (redisUrl === undefined) {
    throw new GatewayError(
      'invalid_configuration',
      'Set MILLRACE_REDIS_URL as the gateway has it. Dead letters in memory can be seen by nobody else.',
    );
  }
  const broker = createRedisBroker({ url: redisUrl, streams: eventCatalog.streams });
  try {
    await broker.open();
    await work(broker);
  } catch (error) {
    throw error instanceof BrokerError ? await inWords(error, redisUrl) : error;
  } finally {
    await broker.close();
  }
}

function fail(message: string): void {
  console.error(`millrace: ${message}`);
  process.exitCode = 1;
}
