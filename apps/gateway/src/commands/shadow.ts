// `millrace shadow`: runs beside the service that Millrace is to replace, and compares. Only reads from Redis.
import { BrokerError, connectGroupReader, defaultsFor, type GroupReader } from '@millrace/broker';
import { type AnyCatalog, eventCatalog } from '@millrace/contract';
import { systemClock } from '@millrace/internal';
import { loadApplication } from '../application/load-application.js';
import { explainBrokerFailure } from '../broker/broker-failure.js';
import { checkRedisTls, redisConnectionOptions } from '../broker/redis-connection-options.js';
import { GatewayError } from '../errors.js';
import { Intake } from '../intake/intake.js';
import { readEnvironment } from '../settings/environment.js';
import { DEFAULTS, type GatewayOptions } from '../settings/options.js';
import { Shadow } from '../shadow/shadow.js';
import { comparedStreams } from '../shadow/shadow-streams.js';
import { reportJson, reportText } from '../shadow/shadow-text.js';
import { switchBackMoves } from '../shadow/switch-back.js';
import { switchBackScript } from '../shadow/switch-back-script.js';

/** Options of `millrace shadow`. */
export interface ShadowCommandOptions {
  readonly app?: string;
  readonly group: string;
  readonly durationMs: number;
  readonly json?: boolean;
  readonly switchBack?: boolean;
}

/** The settings and the application of the comparison. */
interface ShadowContext {
  readonly settings: GatewayOptions;
  readonly catalog: AnyCatalog;
  readonly intake: Intake | undefined;
  readonly reader: GroupReader;
}

/**
 * Compares until the time is over or a signal arrives, and prints the result. The exit code is 1 if it is not safe to switch. With
 * `switchBack`, prints the commands for the way back instead.
 *
 * @throws GatewayError `invalid_configuration` without MILLRACE_REDIS_URL, or `broker_unavailable`
 */
export async function shadow(options: ShadowCommandOptions): Promise<void> {
  await withReader(options, async (context) => {
    if (options.switchBack === true) await printSwitchBack(context, options.group);
    else await compare(context, options);
  });
}

async function compare(
  { settings, catalog, intake, reader }: ShadowContext,
  { group, durationMs, json }: ShadowCommandOptions,
): Promise<void> {
  const { freshness, dedupeWindowMs, maxDedupeIds } = { ...DEFAULTS, ...settings };
  const comparison = new Shadow({
    reader,
    group,
    catalog,
    intake,
    freshness,
    dedupeWindowMs,
    maxDedupeIds,
    clock: systemClock,
    onStateChange: (failure) =>
      console.error(
        failure === undefined
          ? 'millrace: Redis is available again'
          : `millrace: Redis cannot be asked, and is asked again: ${failure.message}`,
      ),
  });
  const ended = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
  await comparison.begin();
  console.error(
    `millrace: comparing with the consumer group ${group}; Ctrl-C ends the comparison and prints the result`,
  );
  const cancel = systemClock.startTimer(() => ended.abort(), durationMs);
  await comparison.run(ended.signal);
  cancel();
  const report = comparison.report();
  console.log(json === true ? reportJson(report) : reportText(report));
  if (!report.isSafeToSwitch) process.exitCode = 1;
}

async function printSwitchBack(
  { settings, catalog, intake, reader }: ShadowContext,
  group: string,
): Promise<void> {
  const { consumerGroup: from = defaultsFor(catalog.streams, settings.redisKeyPrefix).group } = settings;
  const patterns = intake?.patterns ?? [];
  const groups = new Map(catalog.streams.map((stream) => [stream.name, stream.group ?? from]));
  const moves = await switchBackMoves(reader, {
    from: (stream) => groups.get(stream) ?? from,
    to: group,
    streams: comparedStreams(catalog),
    patterns,
  });
  const { redisTlsCa, redisTlsCert, redisTlsServerName: serverName } = settings;
  const tls = { hasCa: redisTlsCa !== undefined, hasCertificate: redisTlsCert !== undefined, serverName };
  if (moves.length > 0) {
    console.log(switchBackScript(moves, group, { location: await reader.location(), tls }));
    return;
  }
  console.error(
    `millrace: no stream has both the group of the gateways (${[...new Set(groups.values())].join(', ')}) and the group ${group}: name the group of the other service with --group`,
  );
  process.exitCode = 1;
}

async function withReader(
  { app: given }: ShadowCommandOptions,
  work: (context: ShadowContext) => Promise<void>,
): Promise<void> {
  const { gateway: settings, appModule } = readEnvironment(process.env);
  checkRedisTls(settings);
  const redis = redisConnectionOptions(settings);
  if (redis === undefined)
    throw new GatewayError(
      'invalid_configuration',
      'Set MILLRACE_REDIS_URL to the Redis of the other service.',
    );
  const module = given ?? appModule;
  const app = module === undefined ? undefined : await loadApplication(module);
  const { catalog = eventCatalog } = app ?? {};
  const intake = app?.intake === undefined ? undefined : new Intake(app.intake);
  const { redisKeyPrefix: keyPrefix } = settings;
  let reader: GroupReader | undefined;
  try {
    const prefix = keyPrefix === undefined ? {} : { keyPrefix };
    reader = await connectGroupReader({ ...redis, ...prefix, streams: catalog.streams });
    await work({ settings, catalog, intake, reader });
  } catch (error) {
    throw error instanceof BrokerError ? await explainBrokerFailure(error, redis.url) : error;
  } finally {
    reader?.close();
  }
}
