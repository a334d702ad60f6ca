// `millrace dead-letters list|show|replay|drop`: shows, requeues and drops rejected entries.
import { type Broker, BrokerError, createRedisBroker, defaultsFor, type EntryId } from '@millrace/broker';
import { eventCatalog } from '@millrace/contract';
import { loadApplication } from '../application/load-application.js';
import { explainBrokerFailure } from '../broker/broker-failure.js';
import { checkRedisTls, redisConnectionOptions } from '../broker/redis-connection-options.js';
import { auditedDeadLetters } from '../dead-letters/audited-dead-letters.js';
import {
  applyToDeadLetters,
  type DeadLetterAction,
  type DeadLetterSelection,
  outcomeJson,
  outcomeText,
} from '../dead-letters/dead-letter-actions.js';
import {
  findDeadLetter,
  newestDeadLetters,
  type StreamDeadLetter,
  streamsNamed,
} from '../dead-letters/dead-letter-list.js';
import { deadLetterJson, deadLetterTable, deadLetterText } from '../dead-letters/dead-letter-text.js';
import { GatewayError } from '../errors.js';
import { Intake, shownEnvelopeOf } from '../intake/intake.js';
import type { ShownEnvelope } from '../intake/taken-entry.js';
import { readEnvironment } from '../settings/environment.js';
import { createCommandAudit, operator } from '../telemetry/audit.js';

/** Options of every `millrace dead-letters` command. */
export interface CommonOptions {
  /** The application module whose streams are meant. @defaultValue that of MILLRACE_APP, or the built-in streams */
  readonly app?: string;
  readonly stream?: string;
  readonly json?: boolean;
}

/** Options of `millrace dead-letters list`. */
export interface ListCommandOptions extends CommonOptions {
  readonly limit: number;
  readonly before?: EntryId;
}

/** Options of `millrace dead-letters replay` and `drop`. */
export interface ActionCommandOptions extends CommonOptions {
  readonly all?: boolean;
  readonly limit?: number;
}

/** Prints the newest dead letters. */
export async function listDeadLetters(options: ListCommandOptions): Promise<void> {
  await withBroker(options, async (broker, intake) => {
    const deadLetters = await newestDeadLetters(broker, streamsNamed(broker, options.stream), options);
    if (options.json === true) for (const deadLetter of deadLetters) console.log(deadLetterJson(deadLetter));
    else if (deadLetters.length > 0)
      console.log(deadLetterTable(deadLetters, (deadLetter) => partsOf(deadLetter, intake)));
    else console.error(`millrace: no dead letters${searched(options)}`);
    const last = deadLetters.at(-1);
    if (options.json === true || last === undefined || deadLetters.length < options.limit) return;
    console.error(`millrace: there may be older dead letters; list them with --before ${last.id}`);
  });
}

/** Prints one dead letter. The exit code is 1 if it does not exist. */
export async function showDeadLetter(id: EntryId, options: CommonOptions): Promise<void> {
  await withBroker(options, async (broker) => {
    const deadLetter = await findDeadLetter(broker, streamsNamed(broker, options.stream), id);
    if (deadLetter === undefined) fail(outcomeText({ id, status: 'not_found' }) + searched(options));
    else console.log(options.json === true ? deadLetterJson(deadLetter) : deadLetterText(deadLetter));
  });
}

/**
 * Requeues or drops dead letters and prints a line for each. The exit code is 1 if the action failed for at least one of
 * them.
 *
 * @throws GatewayError `invalid_arguments` for neither IDs nor `--all`, for both, or for `--limit` with IDs
 */
export async function applyDeadLetterAction(
  action: DeadLetterAction,
  ids: readonly EntryId[],
  options: ActionCommandOptions,
): Promise<void> {
  const selection = selectionOf(ids, options);
  await withBroker(options, async (broker) => {
    let done = 0;
    const streams = streamsNamed(broker, options.stream);
    const audit = createCommandAudit();
    const by = operator(process.env);
    const audited = auditedDeadLetters(broker, audit, by);
    for await (const outcome of applyToDeadLetters(audited, streams, action, selection)) {
      if (outcome.stream === undefined) {
        const target = { id: outcome.id };
        audit({ action: `dead_letter_${action}`, by, target, outcome: 'refused', reason: outcome.status });
      }
      const isDone = outcome.status === 'replayed' || outcome.status === 'dropped';
      if (isDone) done += 1;
      if (options.json === true) console.log(outcomeJson(outcome));
      else if (isDone) console.log(outcomeText(outcome));
      if (!isDone) fail(outcomeText(outcome) + (outcome.status === 'not_found' ? searched(options) : ''));
    }
    if (options.all === true)
      console.error(
        `millrace: ${done} ${action === 'replay' ? 'replayed' : 'dropped'}${done === 0 ? searched(options) : ''}`,
      );
  });
}

function selectionOf(ids: readonly EntryId[], { all, limit }: ActionCommandOptions): DeadLetterSelection {
  if (ids.length > 0 === (all === true)) {
    throw new GatewayError('invalid_arguments', 'Give the IDs of dead letters, or --all.');
  }
  if (all === true) return { limit: limit ?? Number.POSITIVE_INFINITY };
  if (limit !== undefined)
    throw new GatewayError('invalid_arguments', '--limit is for --all. Give the IDs without it.');
  return { ids };
}

/**
 * Runs `work` with the Redis broker that MILLRACE_REDIS_URL and MILLRACE_REDIS_KEY_PREFIX name, and the streams of the application.
 * No gateway needs to run.
 */
async function withBroker(
  { app }: Pick<CommonOptions, 'app'>,
  work: (broker: Broker, intake: Intake) => Promise<void>,
): Promise<void> {
  const environment = readEnvironment(process.env);
  const settings = environment.gateway;
  const appModule = app ?? environment.appModule;
  checkRedisTls(settings);
  const redis = redisConnectionOptions(settings);
  if (redis === undefined) {
    throw new GatewayError(
      'invalid_configuration',
      'Set MILLRACE_REDIS_URL to the value that the gateway has. Dead letters of an in-memory broker are visible in its process only.',
    );
  }
  const { catalog = eventCatalog, intake = {} } =
    appModule === undefined ? {} : await loadApplication(appModule);
  const { streams } = catalog;
  const { keyPrefix } = defaultsFor(streams, settings.redisKeyPrefix);
  const broker = createRedisBroker({ ...redis, keyPrefix, streams });
  try {
    await broker.open();
    await work(broker, new Intake(intake));
  } catch (error) {
    throw error instanceof BrokerError ? await explainBrokerFailure(error, redis.url) : error;
  } finally {
    await broker.close();
  }
}

/** Returns event type and room by the intake rule of the stream, if it has one. */
function partsOf({ stream, originId: id, fields }: StreamDeadLetter, intake: Intake): ShownEnvelope {
  return shownEnvelopeOf(intake.take(stream, { id, fields }));
}

/** Says which streams a command searched that found nothing, if it knows neither a stream nor an application. */
function searched({ app, stream }: CommonOptions): string {
  const isKnown = stream !== undefined || (app ?? readEnvironment(process.env).appModule) !== undefined;
  return isKnown ? '' : '; without --app, only the built-in streams are searched';
}

function fail(message: string): void {
  console.error(`millrace: ${message}`);
  process.exitCode = 1;
}
