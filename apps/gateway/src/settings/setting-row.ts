// One row of the table of settings, and the names that a row may have.
import type { GatewayOptions } from './options.js';
import type { SettingKind } from './setting-kinds.js';

/** Settings that have a variable, but are not options of `createGateway`. */
export type ProgramSetting = 'logLevel' | 'logFormat' | 'appModule';

/** Options that only programs can set, because they are not texts. */
export type ProgramOption = 'catalog' | 'app' | 'tenantOf';

/** Name of a setting: the option of `createGateway`. */
export type SettingName = Exclude<keyof GatewayOptions, ProgramOption> | ProgramSetting;

/** A setting without its group, as the tables below list it. */
export type SettingRow = readonly [name: SettingName, kind: SettingKind, about: string, defaultText?: string];
