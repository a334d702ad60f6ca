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
    const text = textOf(setting, variables);
    if (text === undefined) continue;
    const value = setting.kind.read(text);
    checkSetting(setting.kind, setting.variable, value);
    values[setting.name] = value;
  }
  // The cast is safe: every value was checked by the rule of its option.
  const { logLevel, logFormat, appModule, ...gateway } = values as GatewayOptions & ProgramSettings;
  return { gateway, logLevel, logFormat, appModule };
}

/** Returns the text of a setting, or `undefined` if it is not set. */
function textOf({ variable, kind }: Setting, variables: NodeJS.ProcessEnv): string | undefined {
  const value = variables[variable];
  const path = mayBeFile(kind) ? variables[`${variable}_FILE`]?.trim() : undefined;
  if (path !== undefined && path !== '') {
    if (value !== undefined && value.trim() !== '')
      throw invalid(`Set either ${variable} or ${variable}_FILE, not both`);
    return readSecret(`${variable}_FILE`, path);
  }
  if (value === undefined || value.trim() === '') return undefined;
  // Blanks around a secret are refused instead of removed. Another program may use the secret with the blanks and sign
  // different tokens.
  return kind.isSecret ? value : value.trim();
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
