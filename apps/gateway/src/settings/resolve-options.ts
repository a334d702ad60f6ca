// Fills in the defaults of a gateway's options and checks them: each by the rule of its setting, and the secrets together.
import { defaultsFor } from '@millrace/broker';
import type { AnyCatalog } from '@millrace/contract';
import { nearestName } from '@millrace/internal';
import { type Application, nameOf } from '../application/application.js';
import { checkApplication } from '../application/check-application.js';
import { SECRET_ALGORITHMS } from '../auth/token-rules.js';
import { checkRedisTls } from '../broker/redis-connection-options.js';
import { GatewayError } from '../errors.js';
import { hasPattern } from '../intake/collector/pattern.js';
import { checkAccess } from './check-access.js';
import { DEFAULTS, type GatewayOptions, type ResolvedGatewayOptions, secretsOf } from './options.js';
import { checkSetting } from './setting-kinds.js';
import type { ProgramOption, ProgramSetting } from './setting-row.js';
import { SETTINGS } from './settings.js';

/** 30 days: longer than tokens of users usually live. */
const defaultRevocationMs = 2_592_000_000;

const loopbackHosts = new Set(['127.0.0.1', '::1', 'localhost']);

/**
 * Fills in the defaults, checks the options and freezes the result.
 *
 * @throws GatewayError `invalid_configuration`. The message names the setting and its rule. It contains the value unless that
 *   is a secret
 */
export function resolveOptions(
  options: GatewayOptions<AnyCatalog>,
  defaultInstance: string,
): ResolvedGatewayOptions {
  checkOptionNames(options);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const drainMs = options.isDevelopment === true ? 0 : DEFAULTS.drainMs;
  const { maxRoomsPerConnection = DEFAULTS.maxRoomsPerConnection } = options;
  const app = applicationOf(options);
  const parts = app === undefined ? {} : { app, ...(app.catalog && { catalog: app.catalog }) };
  const { streams } = app?.catalog ?? options.catalog ?? DEFAULTS.catalog;
  const { group, keyPrefix } = defaultsFor(streams, options.redisKeyPrefix);
  const derived = {
    consumerGroup: group,
    // The broker in memory has no keys.
    redisKeyPrefix: options.redisUrl === undefined ? '' : keyPrefix,
    revocationKeepMs: options.jwtMaxLifeMs ?? defaultRevocationMs,
    drainMs,
    instance: defaultInstance,
    maxClientCallsBurst: 2 * maxRoomsPerConnection + 1_000,
  };
  const resolved: ResolvedGatewayOptions = { ...DEFAULTS, ...derived, ...given, ...parts };
  for (const { name, variable, kind } of SETTINGS) {
    const value = (resolved as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined) checkSetting(kind, `${name} (${variable})`, value);
  }
  checkAdminPort(resolved);
  checkSecrets(resolved);
  checkAccess(resolved);
  checkInstance(resolved);
  checkRedisTls(resolved);
  checkPatterns(resolved);
  checkTenants(resolved);
  checkKeyPrefix(resolved);
  checkClientCalls(resolved);
  checkRevocations(resolved);
  return Object.freeze(resolved);
}

/** Options without a variable, which only programs can set. */
const programOptions: readonly ProgramOption[] = ['catalog', 'app', 'tenantOf'];
/** Settings of the program `millrace` that are not options of a gateway. */
const programSettings: readonly ProgramSetting[] = ['logLevel', 'logFormat', 'appModule'];

/** Refuses an unknown option, because a misspelt option would have no effect. */
function checkOptionNames(options: object): void {
  const names: readonly string[] = [...SETTINGS.map(({ name }) => name), ...programOptions];
  const known = names.filter((name) => !programSettings.some((setting) => setting === name));
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const nearest = nearestName(unknown, known);
  throw invalid(
    `${unknown} is not an option of a gateway.${nearest === undefined ? '' : ` Did you mean ${nearest}?`}`,
  );
}

function checkAdminPort({ port, host, adminPort, adminHost, isDevelopment }: ResolvedGatewayOptions): void {
  if (adminPort === undefined) {
    if (adminHost !== undefined) throw invalid('MILLRACE_ADMIN_HOST needs MILLRACE_ADMIN_PORT.');
    return;
  }
  if (adminPort === port && port !== 0)
    throw invalid(`MILLRACE_ADMIN_PORT must differ from MILLRACE_PORT, which is ${port}.`);
  if (isDevelopment && !loopbackHosts.has(adminHost ?? host))
    throw invalid(
      `Development mode listens on loopback only, not on ${adminHost}. Unset MILLRACE_ADMIN_HOST.`,
    );
}

function checkInstance({ instanceUrl, connectionKeys, redisUrl }: ResolvedGatewayOptions): void {
  if (instanceUrl === undefined) {
    if (connectionKeys.length > 0) throw invalid('MILLRACE_CONNECTION_KEYS needs MILLRACE_INSTANCE_URL.');
    return;
  }
  if (redisUrl === undefined || connectionKeys.length === 0) {
    throw invalid('MILLRACE_INSTANCE_URL needs MILLRACE_REDIS_URL and MILLRACE_CONNECTION_KEYS.');
  }
}

/** The in-memory broker has no streams of other programs. */
function checkPatterns({ app, redisUrl }: ResolvedGatewayOptions): void {
  if (redisUrl === undefined && hasPattern(app?.intake ?? {}))
    throw invalid('The application takes in streams by a pattern, which needs MILLRACE_REDIS_URL.');
}

const tenantLimits = [
  'maxTenantEventsPerSecond',
  'maxTenantEventsBurst',
  'maxConnectionsPerTenant',
  'maxReplayBytesPerTenant',
] as const;

/** Refuses limits of tenants without tenants, because they would have no effect. */
function checkTenants(options: ResolvedGatewayOptions): void {
  const { tenantOf, tenantPattern, apiKeys } = options;
  if (tenantOf !== undefined && typeof tenantOf !== 'function')
    throw invalid('tenantOf must be a function that returns the tenant of a room.');
  if (tenantOf !== undefined && tenantPattern !== undefined)
    throw invalid('Give either tenantOf or tenantPattern (MILLRACE_TENANT_PATTERN), not both.');
  if (tenantOf !== undefined || tenantPattern !== undefined) return;
  const defaults: Readonly<Record<string, unknown>> = DEFAULTS;
  const limit = tenantLimits.find((name) => options[name] !== defaults[name]);
  if (limit !== undefined)
    throw invalid(`${limit} has no effect without tenantOf or tenantPattern (MILLRACE_TENANT_PATTERN).`);
  const key = apiKeys.find((apiKey) => typeof apiKey !== 'string' && apiKey.tenant !== undefined);
  if (key !== undefined)
    throw invalid('An API key has a tenant, but rooms have none: set MILLRACE_TENANT_PATTERN or tenantOf.');
}

/** Refuses a prefix without Redis. The operator may have forgotten the URL of Redis. */
function checkKeyPrefix({ redisKeyPrefix, redisUrl }: ResolvedGatewayOptions): void {
  if (redisKeyPrefix !== '' && redisUrl === undefined)
    throw invalid('MILLRACE_REDIS_KEY_PREFIX needs MILLRACE_REDIS_URL.');
}

/** A client that reconnects joins all of its rooms at once. Some transports need two messages for each join. */
function checkClientCalls({ maxClientCallsBurst, maxRoomsPerConnection }: ResolvedGatewayOptions): void {
  const least = 2 * maxRoomsPerConnection + 100;
  if (maxClientCallsBurst >= least) return;
  throw invalid(
    `MILLRACE_MAX_CLIENT_CALLS_BURST must be at least ${least}, not ${maxClientCallsBurst}: a client that reconnects joins its ` +
      `${maxRoomsPerConnection} rooms at once. Lower MILLRACE_MAX_ROOMS_PER_CONNECTION, or raise it.`,
  );
}

/** A removal that is forgotten while tokens from before it are valid would have no effect. */
function checkRevocations({ revocationKeepMs, jwtMaxLifeMs }: ResolvedGatewayOptions): void {
  if (jwtMaxLifeMs === undefined || revocationKeepMs >= jwtMaxLifeMs) return;
  throw invalid(
    `MILLRACE_REVOCATION_KEEP_MS must be at least MILLRACE_JWT_MAX_LIFE_MS, which is ${jwtMaxLifeMs}, not ${revocationKeepMs}.`,
  );
}

/** Returns the checked application, or `undefined` if there is none. */
function applicationOf({
  app,
  catalog,
  isDevelopment,
}: GatewayOptions<AnyCatalog>): Application<AnyCatalog> | undefined {
  if (app === undefined) return undefined;
  const application = checkApplication(app, 'The option app');
  if (catalog !== undefined && application.catalog !== undefined)
    throw invalid('Give the catalog either as the option catalog or as a part of the application, not both.');
  if (application.isForDevelopment === true && isDevelopment !== true)
    throw invalid(
      `The application ${nameOf(application)} is for development mode only: it may give everybody a token that is signed with your secret. ` +
        'Unset MILLRACE_APP, or set MILLRACE_DEV=1.',
    );
  return application;
}

function checkSecrets(options: ResolvedGatewayOptions): void {
  const { isDevelopment, jwksUrl, jwtAlgorithms, apiKeys, host } = options;
  const secrets = secretsOf(options);
  checkSecretLengths(secrets, jwtAlgorithms);
  if (isDevelopment) {
    if (!loopbackHosts.has(host)) {
      throw invalid(
        `Development mode opens every room to everyone, so it listens on loopback only, not on ${host}. ` +
          'Unset MILLRACE_HOST, or leave development mode and set secrets.',
      );
    }
    return;
  }
  const missing = [
    ...(secrets.length === 0 && jwksUrl === undefined ? ['MILLRACE_JWT_SECRET (or MILLRACE_JWKS_URL)'] : []),
    ...(apiKeys.length === 0 ? ['MILLRACE_API_KEYS'] : []),
  ];
  if (missing.length > 0) {
    throw invalid(
      `Set ${missing.join(' and ')}. To try Millrace without secrets on this machine only, set MILLRACE_DEV=1.`,
    );
  }
}

/** A secret must have at least as many bits as the hash of the algorithm (RFC 7518, section 3.2). */
function checkSecretLengths(secrets: readonly string[], algorithms: readonly string[]): void {
  const bits = algorithms
    .filter((name) => SECRET_ALGORITHMS.includes(name))
    .map((name) => Number(name.slice(2)));
  const minBytes = Math.max(0, ...bits) / 8;
  if (secrets.every((secret) => Buffer.byteLength(secret) >= minBytes)) return;
  throw invalid(
    `MILLRACE_JWT_ALGORITHMS allows HS${minBytes * 8}, which needs secrets of at least ${minBytes} bytes.`,
  );
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid_configuration', message);
}
