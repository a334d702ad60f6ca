// Group calls: calls of one client to the others in a group, such as the signals of two browsers that connect to each other. A group call
// is an event that is never replayed. Therefore it reaches the clients of every gateway, in the order of its stream.
import { defineEventType, type EventTypeDeclaration, itemTexts, type Static, Type } from '@millrace/contract';
import type { ResolvedRule, ResolvedView } from './resolved-view.js';
import { ViewFault } from './returned-values.js';
import { relayedText, writtenBy } from './written-payload.js';

const groupCall = Type.Object(
  {
    view: Type.String({ description: 'The path of the view that receives the call.' }),
    group: Type.String({ description: 'The group of the view.' }),
    method: Type.String({ description: 'The client method.' }),
    arguments: Type.Array(Type.Unknown(), { description: 'The arguments of the client method.' }),
    from: Type.Optional(Type.String({ description: 'The connection of the caller, which is not called.' })),
  },
  { description: 'A call of a client to the others in a group.' },
);

/** The payload of a group call. @beta */
export type GroupCall = Static<typeof groupCall>;

const MAX_AGE_MS = 30_000;

/**
 * Declares an event type for group calls (`caller.sendToOthers`). Add it to the catalog, and name it in the `groupCalls` of a view.
 *
 * @param type `name` of the event type, the `stream` that it is added to, and `maxAgeMs`: the age above which a call is no longer
 *   delivered, 30_000 by default
 * @beta
 */
export function defineGroupCalls<const Name extends string, const Stream extends string>({
  name,
  stream,
  maxAgeMs = MAX_AGE_MS,
}: {
  readonly name: Name;
  readonly stream: Stream;
  readonly maxAgeMs?: number;
}): EventTypeDeclaration<Name, typeof groupCall, Stream> {
  return defineEventType({
    name,
    description: 'A call of a client to the others in a group of a view.',
    payload: groupCall,
    stream,
    lane: 'high',
    maxAgeMs,
    replay: { mode: 'none' },
  });
}

/** Adds the rule for group calls to a view, if it declares their event type. */
export function withGroupCalls(view: ResolvedView): ResolvedView {
  const { groupCalls } = view;
  if (groupCalls === undefined) return view;
  return { ...view, rules: new Map([...view.rules, [groupCalls, groupCallRule(view)]]) };
}

/** Returns the rule that turns group calls into messages. */
function groupCallRule(view: Pick<ResolvedView, 'path' | 'groups' | 'clientMethods'>): ResolvedRule {
  return {
    isComputed: false,
    make(source) {
      // The cast is safe: `checkViews` requires an event type of `defineGroupCalls`, whose schema the catalog has checked.
      const call = source.received.event.payload as GroupCall;
      if (call.view !== view.path) return [];
      if (!view.groups.includes(call.group))
        throw new ViewFault('a group call must name a group of the view');
      if (!view.clientMethods.has(call.method))
        throw new ViewFault('a group call must name one of the clientMethods of the view');
      const args = itemTexts(writtenBy(source).member('arguments').text).map((text) => relayedText(text));
      const { group, method, from } = call;
      return [{ group, method, arguments: args, ...(from === undefined ? {} : { exceptConnection: from }) }];
    },
  };
}

/** True for an event type that {@link defineGroupCalls} has made, perhaps in another copy of this package. */
export function isGroupCallType({
  payload,
  replay,
}: Pick<EventTypeDeclaration, 'payload' | 'replay'>): boolean {
  const { properties = {} } = payload as { readonly properties?: object };
  return replay.mode === 'none' && Object.keys(groupCall.properties).every((name) => name in properties);
}
