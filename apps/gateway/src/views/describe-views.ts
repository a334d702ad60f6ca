// Describes the views of an application for people: the hubs with their methods and messages. Pure.
import type { AnyView } from './resolved-view.js';
import type { MadeSend, Send } from './view.js';
import type { JoinMethod, LeaveMethod, Reply } from './view-method.js';

/** Returns the description of a view as lines of text. */
export function describeView(view: AnyView): readonly string[] {
  const { path, groups = [], standing, appendsPosition = false, methods = {}, sends = {} } = view;
  const rules = Object.entries(sends) as readonly [
    string,
    Send<unknown> | readonly Send<unknown>[] | (() => MadeSend[]),
  ][];
  const lines = [
    ...Object.entries(methods).map(([name, method]) => `method  ${name}${methodText(method as never)}`),
    ...rules.flatMap(([type, rule]) => sendTexts(rule).map((text) => `send    ${type} → ${text}`)),
    ...(view.groupCalls === undefined ? [] : [`calls   to others in a group, by ${String(view.groupCalls)}`]),
    ...(['onConnected', 'onDisconnected'] as const)
      .filter((hook) => view[hook] !== undefined)
      .map((hook) => `hook    ${hook}`),
    ...Object.entries(view.notices ?? {}).map(([notice, target]) => `notice  ${notice} → ${String(target)}`),
  ];
  const details = [
    ...(groups.length > 1 ? [`groups ${groups.join(', ')}`] : []),
    ...(standing === undefined
      ? []
      : [`in the rooms from the start as ${standing.join(', ') || 'no group'}`]),
    ...(appendsPosition ? ['messages end with their position'] : []),
  ];
  return [
    `hub ${path}${details.length === 0 ? '' : ` (${details.join('; ')})`}`,
    ...lines.map((line) => `  ${line}`),
  ];
}

function methodText(method: JoinMethod | LeaveMethod | ((...args: never) => unknown)): string {
  if (typeof method === 'function') return '';
  const action = 'join' in method ? `joins ${method.join}` : `leaves ${method.leave}`;
  const { reply } = method;
  return `: ${action}${reply === undefined ? '' : `, replies ${replyName(reply)}`}`;
}

function replyName(reply: string | Pick<Reply<never>, 'method'>): string {
  return typeof reply === 'string' ? reply : reply.method;
}

function sendTexts(rule: Send<unknown> | readonly Send<unknown>[] | (() => MadeSend[])): readonly string[] {
  if (typeof rule === 'function') return ['by a function'];
  const list = Array.isArray(rule) ? (rule as readonly Send<unknown>[]) : [rule as Send<unknown>];
  return list.map(({ group, method, arguments: args = 'payload' }) => {
    const to = group === undefined ? '' : ` to ${group}`;
    return `${method}(${typeof args === 'string' ? args : 'by a function'})${to}`;
  });
}
