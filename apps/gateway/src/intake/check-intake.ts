// Checks the intake rules of an application. An application in JavaScript was checked by no compiler, and a misspelt name would make
// every entry a dead letter.
import type { AnyCatalog } from '@millrace/contract';
import { isPlainFunction, isPlainObject, nearestName, shown } from '@millrace/internal';
import { checkSources } from './check-sources.js';
import { runExamples } from './intake-examples.js';
import {
  DEFAULT_SOURCES,
  type EnvelopePart,
  type IntakeRule,
  type PartSource,
  type PatternRule,
  type PayloadSteps,
} from './rule.js';

/** Refuses a part: the path of the part, and what it must be. */
type RefusePart = (fault: string) => Error;

interface Context {
  readonly catalog: AnyCatalog;
  readonly refuse: RefusePart;
}

/** Checks one value. `path` names it in messages. */
type Check = (value: unknown, path: string, context: Context) => void;

type Checks<T> = { readonly [Name in keyof Required<T>]: Check };

const text = must('a string of 1 or more characters', (value) => typeof value === 'string' && value !== '');
const textOrNull = must('a string or null', (value) => value === null || typeof value === 'string');
const pureFunction = must('a function', isPlainFunction);
const json = must('a value that JSON can represent', isJsonValue);
const defaultSource = must(
  `${DEFAULT_SOURCES.join(', ')} or a path such as payload.updated_by.username`,
  (value) =>
    typeof value === 'string' &&
    (DEFAULT_SOURCES.some((name) => name === value) || /^payload\../.test(value)),
);

const SOURCE_CHECKS: Checks<PartSource> = {
  from: text,
  values: dictionary(textOrNull),
  default: text,
  unit: must('"s" or "ms"', (value) => value === 's' || value === 'ms'),
};

const source: Check = (value, path, context) => {
  if (typeof value === 'string') text(value, path, context);
  else members(SOURCE_CHECKS)(value, path, context);
};

const PART_CHECKS: Readonly<Record<EnvelopePart, Check>> = {
  event_id: source,
  event_type: source,
  timestamp: source,
  room_id: source,
  payload: source,
  metadata: source,
};

const STEP_CHECKS: Checks<PayloadSteps> = {
  snakeCase: must('"camel" or "pascal"', (value) => value === 'camel' || value === 'pascal'),
  rename: dictionary(text),
  defaultsFrom: dictionary(defaultSource),
  defaults: dictionary(json),
  timestamps: list(text),
  room: must(
    'a string such as user:{room_id}',
    (value) => typeof value === 'string' && /\{[^{}]+\}/.test(value),
  ),
};

const RULE_CHECKS: Checks<IntakeRule> = {
  ...STEP_CHECKS,
  jsonField: text,
  fields: members(PART_CHECKS),
  eventId: must('"own", "hashed" or "entry"', (value) =>
    ['own', 'hashed', 'entry'].some((known) => known === value),
  ),
  flatPayload: (value, path, context) => {
    if (value !== true) dictionary(memberKind)(value, path, context);
  },
  types: (value, path, context) => {
    const known = context.catalog.eventTypes.map(({ name }) => name);
    for (const [name, steps] of entriesOf(value, path, context)) {
      if (!known.includes(name))
        throw unknownName(`${path}.${name}`, 'an event type of the catalog', known, context);
      members(STEP_CHECKS)(steps, `${path}.${name}`, context);
    }
  },
  map: pureFunction,
  examples: list(dictionary(must('a string', (value) => typeof value === 'string'))),
};

const streamOfCatalog: Check = (value, path, { catalog, refuse }) => {
  // Nothing is copied into the stream of another system.
  const known = catalog.streams.filter(({ retention }) => retention !== 'observe').map(({ name }) => name);
  if (!known.some((name) => name === value))
    throw refuse(
      `${path} must be a stream of the catalog that no other system owns (${known.join(', ')}), not ${shown(value)}`,
    );
};

const PATTERN_CHECKS: Checks<PatternRule> = { ...RULE_CHECKS, into: streamOfCatalog };

/** Matches the name of a stream whose end is replaced by `*`. */
const PATTERN_NAME = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,126}\*$/;

/**
 * Checks the rules of all streams, and that their examples become events. An example is the only test of a rule before it meets
 * real entries.
 * @throws the error that `refuse` returns for the path of the wrong part and its rule
 */
export function checkIntake(value: object, catalog: AnyCatalog, refuse: RefusePart): void {
  checkRules(value, 'intake', { catalog, refuse });
  const rules = value as Readonly<Record<string, IntakeRule | undefined>>; // The line above has checked the rules.
  const failed = runExamples(rules, catalog).find(({ fault }) => fault !== undefined);
  if (failed === undefined) return;
  const { stream, index, fault } = failed;
  throw refuse(`intake[${JSON.stringify(stream)}].examples[${index}] becomes no event: ${fault}`);
}

function checkRules(value: unknown, path: string, context: Context): void {
  const known = context.catalog.streams.map(({ name }) => name);
  const targets = new Set<unknown>();
  for (const [stream, rule] of entriesOf(value, path, context)) {
    const rulePath = `${path}[${JSON.stringify(stream)}]`;
    if (rule === undefined) continue;
    if (PATTERN_NAME.test(stream)) checkPattern(rule, rulePath, { ...context, targets });
    else if (!known.includes(stream)) throw unknownStream(stream, rulePath, known, context);
    else checkPlain(rule, rulePath, context);
    checkSources(rule as IntakeRule, rulePath, context.catalog, context.refuse); // The lines above have checked the types of its parts.
  }
}

/** Checks the rule of one stream, whose name has no part for which `*` stands. */
function checkPlain(rule: unknown, path: string, context: Context): void {
  if (Object.hasOwn(Object(rule) as object, 'into'))
    throw context.refuse(
      `${path}.into is only for patterns: leave it out, or let the name of the rule end with *`,
    );
  members(RULE_CHECKS)(rule, path, context);
  const { room, types = {} } = rule as IntakeRule; // The line above has checked the rule.
  const rooms = [
    ['room', room],
    ...Object.entries(types).map(([type, steps]) => [`types.${type}.room`, steps?.room]),
  ];
  for (const [place, template] of rooms)
    if (template?.includes('{*}') === true)
      throw context.refuse(`${path}.${place} has {*}, which only the rule of a pattern can fill`);
}

/** `targets` has the streams into which earlier patterns copy. A stream must not have two collectors. */
function checkPattern(
  rule: unknown,
  path: string,
  { targets, ...context }: Context & { readonly targets: Set<unknown> },
): void {
  members(PATTERN_CHECKS)(rule, path, context);
  if (!Object.hasOwn(Object(rule) as object, 'into'))
    throw context.refuse(
      `${path} is a pattern, so it needs \`into\`: the stream into which its entries are copied`,
    );
  const { into } = rule as PatternRule; // The lines above have checked the rule.
  if (targets.has(into))
    throw context.refuse(
      `${path}.into must be a stream of its own: another pattern copies into ${shown(into)}`,
    );
  targets.add(into);
}

const memberKind = must('"text", "number", "boolean" or "json"', (value) =>
  ['text', 'number', 'boolean', 'json'].some((kind) => kind === value),
);

function must(rule: string, isMet: (value: unknown) => boolean): Check {
  return (value, path, { refuse }) => {
    if (!isMet(value)) throw refuse(`${path} must be ${rule}, not ${shown(value)}`);
  };
}

/** An object with these members and no others, all optional. */
function members<T extends string>(checks: Readonly<Record<T, Check>>): Check {
  const table: Readonly<Record<string, Check>> = checks;
  return (value, path, context) => {
    for (const [name, member] of entriesOf(value, path, context)) {
      const check = Object.hasOwn(table, name) ? table[name] : undefined;
      if (check === undefined)
        throw unknownName(`${path}.${name}`, 'a part of a rule', Object.keys(table), context);
      if (member !== undefined) check(member, `${path}.${name}`, context);
    }
  };
}

/** An object with any names. */
function dictionary(check: Check): Check {
  return (value, path, context) => {
    for (const [name, member] of entriesOf(value, path, context)) check(member, `${path}.${name}`, context);
  };
}

function list(check: Check): Check {
  return (value, path, context) => {
    if (!Array.isArray(value)) throw context.refuse(`${path} must be a list, not ${shown(value)}`);
    for (const [index, item] of value.entries()) check(item, `${path}[${index}]`, context);
  };
}

function entriesOf(value: unknown, path: string, { refuse }: Context): [string, unknown][] {
  if (!isPlainObject(value)) throw refuse(`${path} must be an object, not ${shown(value)}`);
  return Object.entries(value);
}

function unknownStream(name: string, path: string, known: readonly string[], context: Context): Error {
  if (!name.includes('*')) return unknownName(path, 'a stream of the catalog', known, context);
  return context.refuse(
    `${path} must be a name that ends with its only *, and has before it 1 to 127 of A to Z, a to z, digits and _ . : -, such as events:chat:*`,
  );
}

function unknownName(path: string, kind: string, known: readonly string[], { refuse }: Context): Error {
  const name = /([^.[\]"]+)"?\]?$/.exec(path)?.[1] ?? path;
  const nearest = nearestName(name, known);
  return refuse(
    `${path} is not ${kind}: ${nearest === undefined ? `there are ${known.join(', ')}` : `did you mean ${nearest}?`}`,
  );
}

/** `JSON.stringify` would make null of `NaN`, and an empty object of a map. */
function isJsonValue(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (value === null || ['string', 'boolean'].includes(typeof value)) return true;
  if (Array.isArray(value)) return isAcyclic(value) && value.every(isJsonValue);
  return isPlainObject(value) && isAcyclic(value) && Object.values(value).every(isJsonValue);
}

function isAcyclic(value: object): boolean {
  try {
    JSON.stringify(value);
    return true;
  } catch {
    // A value with a circle, or a BigInt, is refused.
    return false;
  }
}
