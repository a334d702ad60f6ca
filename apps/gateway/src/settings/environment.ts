// Turns MILLRACE_* variables into gateway options. No other file reads the environment.
import { BrokerError, MAX_PARTITIONS, parseRedisUrl } from '@millrace/broker';
import { GatewayError } from '../errors.js';
import type { LogLevel } from '../telemetry/logger.js';
import { type UnknownVariable, unknownVariables, type VariableName } from './environment-names.js';
import type { GatewayOptions } from './options.js';

/** Settings from the environment: the options of the gateway, its log level, and whether it serves the demo. */
export interface Environment {
  readonly gateway: GatewayOptions;
  /** `undefined` if MILLRACE_LOG_LEVEL is not set. */
  readonly logLevel: LogLevel | undefined;
  /** True if the gateway serves the helpdesk demo. */
  readonly hasDemo: boolean;
  /** Variables that look like settings but are not. The operator should be warned of them. */
  readonly unknown: readonly UnknownVariable[];
}

const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

/**
 * Reads MILLRACE_* variables. An empty variable counts as not set.
 *
 * @throws GatewayError `invalid_configuration`, naming the variable.
 */
export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const text = (name: VariableName): string | undefined => {
    const value = variables[name]?.trim();
    return value === '' ? undefined : value;
  };
  const list = (name: VariableName): readonly string[] =>
    (text(name) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  const port = text('MILLRACE_PORT');
  const host = text('MILLRACE_HOST');
  const jwksMaxStaleMs = text('MILLRACE_JWKS_MAX_STALE_MS');
  const drainMs = text('MILLRACE_DRAIN_MS');
  return {
    gateway: {
      ...(port === undefined ? {} : { port: parsePort(port) }),
      ...(host === undefined ? {} : { host }),
      ...(drainMs === undefined ? {} : { drainMs: parseMilliseconds('MILLRACE_DRAIN_MS', drainMs) }),
      redisUrl: parseRedis(text('MILLRACE_REDIS_URL')),
      partitions: parsePartitions(text('MILLRACE_PARTITIONS')),
      jwtSecret: parseSecret('MILLRACE_JWT_SECRET', variables['MILLRACE_JWT_SECRET']),
      jwksUrl: text('MILLRACE_JWKS_URL'),
      ...(jwksMaxStaleMs === undefined
        ? {}
        : { jwksMaxStaleMs: parseMilliseconds('MILLRACE_JWKS_MAX_STALE_MS', jwksMaxStaleMs) }),
      apiKeys: list('MILLRACE_API_KEYS'),
      instance: text('MILLRACE_INSTANCE'),
      instanceUrl: text('MILLRACE_INSTANCE_URL'),
      connectionKeys: list('MILLRACE_CONNECTION_KEYS'),
      isDevelopment: parseSwitch('MILLRACE_DEV', text('MILLRACE_DEV')),
      allowedOrigins: list('MILLRACE_ALLOWED_ORIGINS'),
    },
    hasDemo: parseSwitch('MILLRACE_DEMO', text('MILLRACE_DEMO')),
    logLevel: parseLogLevel(text('MILLRACE_LOG_LEVEL')),
    unknown: unknownVariables(variables),
  };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw invalid('MILLRACE_PORT', 'a number from 0 to 65535');
  }
  return port;
}

function parseMilliseconds(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw invalid(name, 'a number of milliseconds');
  return Number(text);
}

/** Checks the address of a Redis server, or of several nodes of a cluster, and returns it unchanged. */
function parseRedis(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    parseRedisUrl(text);
    return text;
  } catch (error) {
    // The broker's message does not repeat the value, which may contain a password.
    if (!(error instanceof BrokerError)) throw error;
    const message = `${error.message.replace(/^url /, 'MILLRACE_REDIS_URL ')}.`;
    throw new GatewayError('invalid_configuration', message, { cause: error });
  }
}

function parsePartitions(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const partitions = Number(text);
  if (/^\d+$/.test(text) && partitions >= 1 && partitions <= MAX_PARTITIONS) return partitions;
  throw invalid('MILLRACE_PARTITIONS', `a number from 1 to ${MAX_PARTITIONS}`);
}

/** Refuses a secret with blanks at its ends. A program that signs with the untrimmed secret would sign different tokens. */
function parseSecret(name: VariableName, value: string | undefined): string | undefined {
  if (value === undefined || value.trim() === '') return undefined;
  if (value === value.trim()) return value;
  throw new GatewayError(
    'invalid_configuration',
    `${name} begins or ends with blanks or line breaks. Remove them, here and wherever tokens are signed with it.`,
  );
}

function parseSwitch(name: string, text: string | undefined): boolean {
  switch (text?.toLowerCase()) {
    case undefined:
    case '0':
    case 'false':
    case 'no':
    case 'off':
      return false;
    case '1':
    case 'true':
    case 'yes':
    case 'on':
      return true;
    default:
      throw invalid(name, '1 or 0');
  }
}

function parseLogLevel(text: string | undefined): LogLevel | undefined {
  if (text === undefined) return undefined;
  const level = logLevels.find((candidate) => candidate === text.toLowerCase());
  if (level === undefined) throw invalid('MILLRACE_LOG_LEVEL', `one of ${logLevels.join(', ')}`);
  return level;
}

function invalid(name: string, expected: string): GatewayError {
  return new GatewayError('invalid_configuration', `${name} must be ${expected}.`);
}
