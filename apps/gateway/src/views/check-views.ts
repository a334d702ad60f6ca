// Checks the views of an application when the gateway starts. A fault is reported with its path in the module. Pure.
import type { AnyCatalog } from '@millrace/contract';
import {
  callback,
  checkOptions,
  flag,
  isPlainFunction,
  isPlainObject,
  nearestName,
  type OptionRule,
  type OptionRules,
  plainFunction,
  required,
  shown,
  text,
  wholeNumber,
} from '@millrace/internal';
import { isGroupCallType } from './group-calls.js';
import { type AnyView, DEFAULT_GROUP, MAX_SENDS } from './resolved-view.js';
import type { Send, View, ViewNotices } from './view.js';
import type { JoinMethod, LeaveMethod, Reply } from './view-method.js';

/** Creates an error from a sentence without a full stop. */
export type Refuse = (fault: string) => Error;

/** The names that are already taken by the gateway or by earlier views. */
interface ViewsContext {
  readonly catalog: AnyCatalog;
  readonly paths: Set<string>;
}

/** An object whose members are all its own. The entries of a map and the methods of a class would be ignored without a word. */
const members: OptionRule = {
  mustBe: 'an object with a member per name',
  isMet: isPlainObject,
};
const RESERVED_PATH = '/hubs/events';
const maxNameChars = 128;
const name = text(1, maxNameChars);

const VIEW_RULES: OptionRules<AnyView> = {
  path: required({
    mustBe: `a path that begins with /hubs/, such as /hubs/chat, has only a to z, digits and _ . ~ - between its slashes, does not end with /negotiate, and is not ${RESERVED_PATH}`,
    isMet: (path) =>
      typeof path === 'string' &&
      // Clients resolve the segments . and .. themselves, so no request could name such a path.
      /^\/hubs(\/(?!\.{1,2}(\/|$))[\w.~-]+)+$/.test(path) &&
      !/\/negotiate$/i.test(path) &&
      path.toLowerCase() !== RESERVED_PATH &&
      !path.toLowerCase().startsWith(`${RESERVED_PATH}/`),
  }),
  catalog: { mustBe: 'the catalog of the application', isMet: () => true },
  groups: {
    mustBe: 'a list of different names, at least one, each of 1 to 64 of a to z, digits and _ . : -',
    isMet: (groups) =>
      Array.isArray(groups) &&
      groups.length > 0 &&
      new Set(groups).size === groups.length &&
      groups.every((group) => typeof group === 'string' && /^[\w.:-]{1,64}$/.test(group)),
  },
  standing: {
    mustBe: 'a list of groups of the view',
    isMet: Array.isArray,
  },
  sends: members,
  methods: members,
  clientMethods: {
    mustBe: 'a list of names of client methods',
    isMet: (methods) => Array.isArray(methods) && methods.every(name.isMet),
  },
  groupCalls: name,
  onConnected: callback,
  onDisconnected: callback,
  appendsPosition: flag,
  notices: members,
  maxReceiveBytes: wholeNumber(),
  allowsStatefulReconnect: flag,
};

const SEND_RULES: OptionRules<Send<unknown>> = {
  group: name,
  method: required(name),
  arguments: {
    mustBe: '"payload", "event" or a function',
    isMet: (value) => value === 'payload' || value === 'event' || isPlainFunction(value),
  },
};

const NOTICE_RULES: OptionRules<ViewNotices> = {
  resync: name,
  removed: name,
  erased: name,
  position: name,
};

const REPLY = {
  mustBe: 'the name of a client method, or an object with `method` and `arguments`',
  isMet: (value: unknown) => name.isMet(value) || isObject(value),
};
const JOIN_RULES: OptionRules<JoinMethod> = { join: required(name), room: plainFunction, reply: REPLY };
const LEAVE_RULES: OptionRules<LeaveMethod> = { leave: required(name), room: plainFunction, reply: REPLY };
const REPLY_RULES: OptionRules<Reply<never>> = { method: required(name), arguments: plainFunction };

/**
 * Checks the views of an application.
 * @throws the error of `refuse`
 */
export function checkViews(views: readonly unknown[], catalog: AnyCatalog, refuse: Refuse): void {
  const context = { catalog, paths: new Set<string>() };
  for (const [index, view] of views.entries())
    checkView(view, context, within(refuse, `views[${index}]`, ': '));
}

function checkView(value: unknown, context: ViewsContext, refuse: Refuse): void {
  if (!isObject(value)) throw refuse(`a view is the result of defineView({ … }), not ${shown(value)}`);
  const view = checkOptions(value as Partial<View<never>>, VIEW_RULES, refuse, nearestName);
  const { path = '', groups = [DEFAULT_GROUP] } = view;
  const refuseIn = (fault: string): Error => refuse(`(${path}): ${fault}`);
  if (context.paths.has(path.toLowerCase())) throw refuseIn('another view has this path');
  context.paths.add(path.toLowerCase());
  if (view.catalog !== undefined && view.catalog !== context.catalog)
    throw refuseIn('catalog must be the catalog of the application');
  checkOptions(view.notices ?? {}, NOTICE_RULES, within(refuseIn, 'notices'), nearestName);
  if (view.notices?.position !== undefined && view.appendsPosition !== true)
    throw refuseIn('notices.position is of use only with appendsPosition: true');
  for (const [index, group] of (view.standing ?? []).entries())
    checkGroup(group, groups, `standing[${index}]`, refuseIn);
  checkGroupCalls(view.groupCalls, context.catalog, refuseIn);
  if (view.groupCalls !== undefined && (view.clientMethods ?? []).length === 0)
    throw refuseIn('clientMethods must name the client methods that groupCalls may call');
  checkSends(view.sends ?? {}, { groups, catalog: context.catalog, groupCalls: view.groupCalls }, refuseIn);
  checkMethods(view.methods ?? {}, groups, refuseIn);
}

function checkGroupCalls(type: string | undefined, catalog: AnyCatalog, refuse: Refuse): void {
  if (type === undefined) return;
  const declaration = catalog.find(type);
  if (declaration === undefined || !isGroupCallType(declaration))
    throw refuse(
      `groupCalls must be an event type of the catalog that defineGroupCalls has made, not ${shown(type)}`,
    );
}

interface SendsContext extends Pick<ViewsContext, 'catalog'> {
  readonly groups: readonly string[];
  readonly groupCalls: string | undefined;
}

function checkSends(sends: object, { groups, catalog, groupCalls }: SendsContext, refuse: Refuse): void {
  const types = catalog.eventTypes.map((type) => type.name);
  for (const [type, rule] of Object.entries(sends) as readonly [string, unknown][]) {
    if (catalog.find(type) === undefined)
      throw refuse(`sends.${type} is not an event type of the catalog: ${suggestion(type, types)}`);
    if (type === groupCalls)
      throw refuse(
        `sends.${type} must be left out, because groupCalls names this type: its events are calls`,
      );
    if (isPlainFunction(rule) || rule === undefined) continue;
    const list: readonly unknown[] = Array.isArray(rule) ? rule : [rule];
    if (list.length > MAX_SENDS)
      throw refuse(`sends.${type} must be at most ${MAX_SENDS} messages, not ${list.length}`);
    for (const [index, send] of list.entries()) {
      const place = Array.isArray(rule) ? `sends.${type}[${index}]` : `sends.${type}`;
      if (!isObject(send)) throw refuse(`${place} must be an object or a function, not ${shown(send)}`);
      const { group } = checkOptions(
        send as Partial<Send<unknown>>,
        SEND_RULES,
        within(refuse, place),
        nearestName,
      );
      if (group !== undefined) checkGroup(group, groups, `${place}.group`, refuse);
    }
  }
}

function checkMethods(methods: object, groups: readonly string[], refuse: Refuse): void {
  const names = new Set<string>();
  for (const [methodName, method] of Object.entries(methods) as readonly [string, unknown][]) {
    const place = `methods.${methodName}`;
    if (!name.isMet(methodName))
      throw refuse(`the name of a method must be ${name.mustBe}, not ${shown(methodName)}`);
    if (names.has(methodName.toLowerCase()))
      throw refuse(`${place} is declared twice: upper and lower case do not count`);
    names.add(methodName.toLowerCase());
    if (typeof method === 'function') continue;
    if (!isObject(method) || !('join' in method || 'leave' in method))
      throw refuse(`${place} must be a function, or an object with join or leave, not ${shown(method)}`);
    const refuseIn = within(refuse, place);
    const { reply } =
      'join' in method
        ? checkOptions(method as Partial<JoinMethod>, JOIN_RULES, refuseIn, nearestName)
        : checkOptions(method as Partial<LeaveMethod>, LEAVE_RULES, refuseIn, nearestName);
    const part = 'join' in method ? 'join' : 'leave';
    checkGroup(Reflect.get(method, part), groups, `${place}.${part}`, refuse);
    if (isObject(reply)) checkOptions(reply, REPLY_RULES, within(refuse, `${place}.reply`), nearestName);
  }
}

function checkGroup(group: unknown, groups: readonly string[], place: string, refuse: Refuse): void {
  if (typeof group === 'string' && groups.includes(group)) return;
  throw refuse(`${place} must be a group of the view (${groups.join(', ')}), not ${shown(group)}`);
}

/** Returns a function that refuses an option with its path: `place`, then the name with which the fault begins. */
function within(refuse: Refuse, place: string, separator = '.'): Refuse {
  return (fault) => refuse(`${place}${fault.startsWith('(') ? ' ' : separator}${fault}`);
}

function suggestion(given: string, names: readonly string[]): string {
  const nearest = nearestName(given, names);
  return nearest === undefined ? `it has ${names.join(', ')}` : `did you mean ${nearest}?`;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
