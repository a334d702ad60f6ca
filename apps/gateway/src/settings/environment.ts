// Converts the MILLRACE_* variables to options of the gateway. No other file of the gateway reads the
// environment.
import { readFileSync } from 'node:fs';
import { GatewayError } from '../errors.js';
import type { LogFormat, LogLevel } from '../telemetry/logger.js';
import { checkVariableNames } from './environment-names.js';
import type { GatewayOptions } from './options.js';
import { checkSetting, mayBeFile } from './setting-kinds.js';
import { SETTINGS, type Setting } from './settings.js';

/** Settings from the environment: options of the gateway, and how much it logs. */
export interface Environment {
  readonly gateway: GatewayOptions;
  /** Absent if it is not set. */
  readonly logLevel: LogLevel | undefined;
  /** Absent if it is not set. */
  readonly logFormat: LogFormat | undefined;
  /** The application module to serve. Absent if it is not set. */
  readonly appModule: string | undefined;
}

type ProgramSettings = {
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
  readonly appModule?: string;
};

/**
 * Reads MILLRACE_* variables. An empty variable counts as not set. A secret or a certificate may also come from a file, whose
 * path is in the variable with the suffix `_FILE`.
 *
 * @throws GatewayError `invalid_configuration` for a wrong variable, and for one that only looks like a setting. The message
 *   names the variable and its rule. It contains the value unless that is a secret
 */
export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  checkVariableNames(variables);
  const values: Partial<Record<Setting['name'], unknown>> = {};
  for (const setting of SETTINGS) {
    const given = givenOf(setting, variables);
    if (given === undefined) continue;
    const value = setting.kind.read(given.text);
    checkSetting(setting.kind, given.variable, value);
    values[setting.name] = value;
  }
  // The cast is safe: every value was checked by the rule of its option.
  const { logLevel, logFormat, appModule, ...gateway } = values as GatewayOptions & ProgramSettings;
  return { gateway, logLevel, logFormat, appModule };
}

/** The name of a setting, with or without `_FILE`. */
const NAME = /\bMILLRACE_[A-Z_]+\b/g;

/**
 * Returns an error's message with the variables that are set: a setting that came from a file is named with `_FILE`, and one that did
 * not without. Messages name settings of both kinds without knowing where their values came from.
 */
export function withGivenNames(message: string, variables: NodeJS.ProcessEnv): string {
  return message.replace(NAME, (name) => {
    const variable = name.replace(/_FILE$/, '');
    const setting = SETTINGS.find((known) => known.variable === variable);
    if (setting === undefined || !mayBeFile(setting.kind)) return name;
    const set = [variable, `${variable}_FILE`].filter((each) => isSet(variables[each]));
    const [given] = set;
    return set.length === 1 && given !== undefined ? given : name;
  });
}

/** The text of a setting, and the variable that it came from. */
interface GivenSetting {
  readonly variable: string;
  readonly text: string;
}

/** Returns what is given for a setting, or `undefined` if it is not set. */
function givenOf({ variable, kind }: Setting, variables: NodeJS.ProcessEnv): GivenSetting | undefined {
  const value = variables[variable];
  const file = `${variable}_FILE`;
  const path = mayBeFile(kind) ? variables[file]?.trim() : undefined;
  if (path !== undefined && path !== '') {
    if (isSet(value)) throw invalid(`Set either ${variable} or ${file}, not both`);
    return { variable: file, text: readSecret(file, path) };
  }
  if (!isSet(value)) return undefined;
  // Spaces around a secret are refused instead of removed. Another program may use the secret with the spaces and sign
  // different tokens.
  return { variable, text: kind.isSecret ? value : value.trim() };
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value.trim() !== '';
}

/** Reads a secret from a file. The line break at the end of the file is not part of the secret. */
function readSecret(variable: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GatewayError(
      'invalid_configuration',
      `${variable} names a file that cannot be read (${code}): ${JSON.stringify(path)}.`,
      { cause },
    );
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret.trim() === '') throw invalid(`${variable} names an empty file: ${JSON.stringify(path)}`);
  return secret;
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid_configuration', `${message}.`);
}
