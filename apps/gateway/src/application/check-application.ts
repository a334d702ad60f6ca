// Checks the parts of an application when the gateway starts. An application in JavaScript was checked by no compiler.
import { type AnyCatalog, describeIssues, eventCatalog } from '@millrace/contract';
import {
  callback,
  checkOptions,
  flag,
  messageOf,
  nearestName,
  type OptionRule,
  type OptionRules,
  objectWith,
  plainFunction,
  shown,
  text,
} from '@millrace/internal';
import type { AppAccess } from '../access/app-access.js';
import { GatewayError } from '../errors.js';
import { checkIntake } from '../intake/check-intake.js';
import { checkViews } from '../views/check-views.js';
import type { Application, ExampleEvent } from './application.js';
import { unmatchablePart } from './check-schemas.js';

const EXAMPLE_RULE: OptionRule = {
  mustBe: 'an object with the text `says` and the object `event`',
  isMet(value) {
    if (!isObject(value)) return false;
    const { says, event } = value as Partial<ExampleEvent>;
    return typeof says === 'string' && isObject(event);
  },
};

/** The parts of an event that `POST /v1/events` adds. */
const EXAMPLE_ID = '00000000-0000-4000-8000-000000000000';
const EXAMPLE_TIMESTAMP = '2026-01-16T10:00:00Z';

const ACCESS_RULES: OptionRules<AppAccess> = {
  userOf: plainFunction,
  mayEnter: {
    mustBe: "a function, or 'claim' to let the claim `rooms` decide",
    isMet: (value) => typeof value === 'function' || value === 'claim',
  },
};

const RULES: OptionRules<Application<AnyCatalog>> = {
  name: text(),
  // The catalog may come from another copy of the contract package, so `instanceof` would fail. The methods are checked
  // instead.
  catalog: { ...objectWith(['find', 'parseEntry', 'encodeEntry']), mustBe: 'the result of defineCatalog()' },
  views: { mustBe: 'a list of views', isMet: Array.isArray },
  // Its parts are checked later, because they need the catalog.
  intake: objectWith([]),
  access: { ...objectWith([]), mustBe: 'an object with userOf, mayEnter or both' },
  isForDevelopment: flag,
  example: EXAMPLE_RULE,
  http: callback,
};

/**
 * Checks the value and returns it as an application.
 * @param source the name of the value in messages: the path of its module, or the name of the option
 * @throws GatewayError `invalid_configuration`. The message names the wrong part and its rule
 */
export function checkApplication(value: unknown, source: string): Application<AnyCatalog> {
  const refuse = (fault: string): GatewayError =>
    new GatewayError('invalid_configuration', `${source}: ${fault}${fault.endsWith('?') ? '' : '.'}`);
  if (value instanceof Promise)
    throw refuse('an application is the result of defineApp({ … }), not a promise of it: await the promise');
  if (!isObject(value) || Array.isArray(value))
    throw refuse(`an application is the result of defineApp({ … }), not ${shown(value)}`);
  const application: Application<AnyCatalog> = checkOptions(value, RULES, refuse, nearestName);
  const { access, catalog = eventCatalog, intake, views = [] } = application;
  checkSchemas(catalog, refuse);
  checkIntake(intake ?? {}, catalog, refuse);
  checkViews(views, catalog, refuse);
  if (application.example !== undefined) checkExample(application.example, catalog, refuse);
  if (access !== undefined)
    checkOptions(access, ACCESS_RULES, (fault) => refuse(`access: ${fault}`), nearestName);
  return application;
}

/**
 * Compiles the schemas of all event types. They would otherwise be compiled on first use, and a schema with a fault would refuse
 * every event of its type.
 */
function checkSchemas(catalog: AnyCatalog, refuse: (fault: string) => GatewayError): void {
  for (const { name, payload, openPayload } of catalog.eventTypes) {
    try {
      catalog.parsePayload(name, {});
    } catch (cause) {
      throw refuse(`catalog: ${messageOf(cause)}`);
    }
    const part = unmatchablePart(catalog.openPayloads === 'any' ? (openPayload ?? payload) : payload);
    if (part !== undefined)
      throw refuse(`catalog: no payload can match the schema of the event type ${shown(name)}: ${part}`);
  }
}

/** Checks that the example is an event which the gateway accepts. The gateway prints it as a command to paste. */
function checkExample(
  { event }: ExampleEvent,
  catalog: AnyCatalog,
  refuse: (fault: string) => GatewayError,
): void {
  const made = { event_id: EXAMPLE_ID, timestamp: EXAMPLE_TIMESTAMP };
  const parsed = catalog.parseEvent({ ...made, ...event });
  if (!parsed.ok) throw refuse(`example.event: ${describeIssues(parsed.issues, parsed.eventType)}`);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
