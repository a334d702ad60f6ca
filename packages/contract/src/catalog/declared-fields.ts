// The fields that declarations have. Another name is refused, because a misspelt field would have no effect.
import { nearestName } from '@millrace/internal';
import { ContractError } from '../contract-error.js';
import type {
  CoalescingRule,
  EndsCoalescingRule,
  EventTypeDeclaration,
  IndicatorRule,
  StreamDeclaration,
} from './declaration.js';

/** The names of the fields of a declaration. TypeScript reports a name that is missing. */
type FieldsOf<Declaration> = Readonly<Record<keyof Required<Declaration>, true>>;

export const STREAM_FIELDS: FieldsOf<StreamDeclaration> = {
  name: true,
  maxLength: true,
  retention: true,
  group: true,
};

export const EVENT_TYPE_FIELDS: FieldsOf<EventTypeDeclaration> = {
  name: true,
  description: true,
  payload: true,
  openPayload: true,
  stream: true,
  lane: true,
  maxAgeMs: true,
  replay: true,
  coalescing: true,
  endsCoalescing: true,
  indicator: true,
  persons: true,
};

export const REPLAY_FIELDS: Readonly<Record<string, true>> = { mode: true, key: true };

export const COALESCING_FIELDS: FieldsOf<CoalescingRule<never>> = {
  slot: true,
  windowMs: true,
  key: true,
  merge: true,
};

export const ENDS_COALESCING_FIELDS: FieldsOf<EndsCoalescingRule<never>> = { slot: true, key: true };

export const INDICATOR_FIELDS: FieldsOf<IndicatorRule<never>> = {
  name: true,
  isShown: true,
  user: true,
  payload: true,
  expiresAfterMs: true,
  windowMs: true,
};

export const CATALOG_FIELDS: Readonly<Record<string, true>> = {
  streams: true,
  eventTypes: true,
  maxEventBytes: true,
  openPayloads: true,
  eventIdRule: true,
};

/** @throws ContractError `invalid_declaration` with `message`, if the value is not an object */
export function checkObject(value: unknown, message: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ContractError('invalid_declaration', message);
}

/** @throws ContractError `invalid_declaration`, if a declaration has another field than `fields` */
export function checkFields(what: string, declaration: object, fields: Readonly<Record<string, true>>): void {
  const names = Object.keys(fields);
  for (const name of Object.keys(declaration)) {
    if (names.includes(name)) continue;
    const meant = nearestName(name, names);
    const remedy = meant === undefined ? `the fields are ${names.join(', ')}` : `did you mean ${meant}?`;
    throw new ContractError('invalid_declaration', `${what} has no field ${name}: ${remedy}`);
  }
}
