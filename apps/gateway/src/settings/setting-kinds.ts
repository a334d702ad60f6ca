// The kinds of settings: how a variable's text becomes a value, and the rule that a value must follow. Pure.
import { shown } from '@millrace/internal';
import { GatewayError } from '../errors.js';

/** One kind of setting. */
export interface SettingKind {
  /** The rule for people: `a whole number of milliseconds from 1`. */
  readonly rule: string;
  /** True for a secret. A secret is never printed, and may come from a file. */
  readonly isSecret: boolean;
  /** True for other values that may come from a file, such as certificates. */
  readonly isFile?: boolean;
  /**
   * Returns the value that a variable's text stands for. A text without a meaning is returned unchanged, and
   * refused later.
   */
  read(text: string): unknown;
  /**
   * Describes the fault of a value, in a sentence that begins with the setting's name. Returns `undefined`
   * for a valid value.
   */
  faultOf(name: string, value: unknown): string | undefined;
}

/**
 * Describes the fault of one text, in words that follow the name of its setting. Returns `undefined` for a
 * valid text.
 */
export type FaultOfText = (text: string) => string | undefined;

const mustBe = (name: string, rule: string, value: unknown): string =>
  `${name} must be ${rule}, not ${shown(value)}`;

/** A whole number. `unit`: `milliseconds`, `bytes` or another plural. */
export function wholeNumber({ min = 1, max = Number.MAX_SAFE_INTEGER, unit = '' } = {}): SettingKind {
  const what = unit === '' ? 'a whole number' : `a whole number of ${unit}`;
  const rule = max === Number.MAX_SAFE_INTEGER ? `${what} from ${min}` : `${what} from ${min} to ${max}`;
  return {
    rule,
    isSecret: false,
    read: (text) => (/^\d{1,15}$/.test(text) ? Number(text) : text),
    faultOf(name, value) {
      const isValid = Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
      return isValid ? undefined : mustBe(name, rule, value);
    },
  };
}

/** Ten years: the maximum of periods for which something is kept in Redis. */
export const MAX_PERIOD_MS = 315_576_000_000;

/** A whole number of milliseconds. */
export function milliseconds(min = 1, max?: number): SettingKind {
  return wholeNumber({ min, unit: 'milliseconds', ...(max === undefined ? {} : { max }) });
}

/** A whole number of bytes. */
export function bytes(): SettingKind {
  return wholeNumber({ unit: 'bytes' });
}

const switchTexts: Readonly<Record<string, boolean>> = {
  '0': false,
  false: false,
  no: false,
  off: false,
  '1': true,
  true: true,
  yes: true,
  on: true,
};

/** A boolean, which is 1 or 0 in a variable. */
export function flag(): SettingKind {
  return {
    rule: '1 or 0',
    isSecret: false,
    read: (text) => switchTexts[text.toLowerCase()] ?? text,
    faultOf: (name, value) =>
      typeof value === 'boolean'
        ? undefined
        : mustBe(name, typeof value === 'string' ? '1 or 0' : 'true or false', value),
  };
}

/** One of these texts. A variable may contain it in any case. */
export function choice(values: readonly string[]): SettingKind {
  const rule = `one of ${values.join(', ')}`;
  return {
    rule,
    isSecret: false,
    read: (text) => text.toLowerCase(),
    faultOf: (name, value) =>
      typeof value === 'string' && values.includes(value) ? undefined : mustBe(name, rule, value),
  };
}

interface TextOptions {
  readonly rule: string;
  readonly isSecret?: boolean;
  readonly isFile?: boolean;
  readonly faultOf?: FaultOfText;
}

/** A setting whose value is a string. */
export function text(options: TextOptions): SettingKind {
  const { rule, isSecret = false, isFile = isSecret, faultOf = () => undefined } = options;
  return {
    rule,
    isSecret,
    isFile,
    read: (value) => value,
    faultOf(name, value) {
      if (typeof value !== 'string') return `${name} must be a string`;
      const fault = faultOf(value);
      return fault === undefined ? undefined : `${name} ${fault}`;
    },
  };
}

/** True if the value may come from a file. The variable with the suffix `_FILE` contains its path. */
export function mayBeFile({ isSecret, isFile = isSecret }: SettingKind): boolean {
  return isFile;
}

/** A list of strings. The separator is a comma in a variable, and a comma or a line break in a file. */
export function list({ rule, isSecret = false, faultOf = () => undefined }: TextOptions): SettingKind {
  return {
    rule,
    isSecret,
    read: (value) =>
      value
        .split(/[,\n]/)
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    faultOf(name, value) {
      if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
        return `${name} must be a list of strings`;
      for (const item of value) {
        const fault = faultOf(item);
        if (fault !== undefined)
          return isSecret ? `Each entry of ${name} ${fault}` : `${name}: ${shown(item)} ${fault}`;
      }
      return undefined;
    },
  };
}

/** @throws GatewayError `invalid_configuration` if the value breaks the rule of its kind */
export function checkSetting(kind: SettingKind, name: string, value: unknown): void {
  const fault = kind.faultOf(name, value);
  if (fault !== undefined) throw new GatewayError('invalid_configuration', `${fault}.`);
}
