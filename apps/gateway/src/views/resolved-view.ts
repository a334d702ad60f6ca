// A view in the form in which the gateway uses it: with its defaults, and with one function per event type that makes the messages.
// Requires a view that `check-views.ts` has accepted. Pure.
import type { ReceivedEvent } from '@millrace/contract';
import { returnedArguments, returnedList, ViewFault } from './returned-values.js';
import type { MadeSend, Send, View, ViewNotices, WrittenPayload } from './view.js';
import type { ViewMethod } from './view-method.js';
import { relayedText, writtenBy } from './written-payload.js';

/** The group of a view that declares none. */
export const DEFAULT_GROUP = 'room';

/** A view whose static types are erased. */
export type AnyView = View<never>;

/** An event, and the texts that messages may contain. The functions are called only for views that need their results. */
export interface EventSource {
  readonly received: ReceivedEvent;
  /** Returns the position of a client that has received this event. */
  position(): string;
  /** Returns the event with its envelope and position as JSON text. */
  eventText(): string;
}

/** A message that was made for an event. */
export type RuledSend = Required<Pick<MadeSend, 'group' | 'method' | 'arguments'>> &
  Pick<MadeSend, 'exceptUser' | 'exceptConnection'>;

/** Makes the messages for the events of one type. */
export interface ResolvedRule {
  /** True if the rule calls functions of the application. They may throw, take long or return anything. */
  readonly isComputed: boolean;
  /** @throws ViewFault if a function of the application returned something else than it should */
  make(source: EventSource): readonly RuledSend[];
}

/** See the comment at the top of this file. */
export interface ResolvedView {
  readonly path: string;
  readonly groups: readonly string[];
  /** See `View.standing`. */
  readonly standing: readonly string[];
  /** The rules by event type. */
  readonly rules: ReadonlyMap<string, ResolvedRule>;
  readonly methods: Readonly<Record<string, ViewMethod>>;
  readonly clientMethods: ReadonlySet<string>;
  /** The event type of group calls, whose rule is not among `rules`. */
  readonly groupCalls: string | undefined;
  readonly onConnected: AnyView['onConnected'];
  readonly onDisconnected: AnyView['onDisconnected'];
  readonly appendsPosition: boolean;
  readonly notices: ViewNotices;
  readonly maxReceiveBytes: number | undefined;
  readonly allowsStatefulReconnect: boolean;
}

/** Maximum number of messages for one event. They are queued to a client at once. */
export const MAX_SENDS = 16;

/** Fills in the defaults of a checked view. */
export function resolveView(view: AnyView): ResolvedView {
  const { groups = [DEFAULT_GROUP], appendsPosition = false, methods = {} } = view;
  const sends = Object.entries(view.sends ?? {}) as readonly [string, AnyRule | undefined][];
  return {
    path: view.path,
    groups,
    standing: view.standing ?? groups,
    rules: new Map(
      sends.flatMap(([type, rule]) =>
        rule === undefined ? [] : [[type, resolveRule(rule, { groups, appendsPosition })] as const],
      ),
    ),
    methods,
    clientMethods: new Set(view.clientMethods),
    groupCalls: view.groupCalls,
    onConnected: view.onConnected,
    onDisconnected: view.onDisconnected,
    appendsPosition,
    notices: view.notices ?? {},
    maxReceiveBytes: view.maxReceiveBytes,
    allowsStatefulReconnect: view.allowsStatefulReconnect === true,
  };
}

type AnyRule =
  | Send<unknown>
  | readonly Send<unknown>[]
  | ((event: unknown, written: WrittenPayload) => readonly MadeSend[]);

type RuleContext = Pick<ResolvedView, 'groups' | 'appendsPosition'>;

function resolveRule(rule: AnyRule, context: RuleContext): ResolvedRule {
  if (typeof rule === 'function')
    return {
      isComputed: true,
      make: (source) => completed(madeBy(rule, source), source, context),
    };
  const sends = Array.isArray(rule) ? (rule as readonly Send<unknown>[]) : [rule as Send<unknown>];
  return {
    isComputed: sends.some((send) => typeof send.arguments === 'function'),
    make: (source) =>
      completed(
        sends.map((send) => ({ ...send, arguments: argumentsOf(send, source) })),
        source,
        context,
      ),
  };
}

function madeBy(
  rule: Extract<AnyRule, (...args: never) => unknown>,
  source: EventSource,
): readonly MadeSend[] {
  const made = returnedList(rule(source.received.event, writtenBy(source)), 'the messages of a rule');
  if (made.length > MAX_SENDS)
    throw new ViewFault(`a rule may return at most ${MAX_SENDS} messages, not ${made.length}`);
  // The cast is safe: `checked` examines each message.
  return made as readonly MadeSend[];
}

function argumentsOf(
  { arguments: declared = 'payload' }: Send<unknown>,
  source: EventSource,
): readonly unknown[] {
  if (declared === 'payload') return [relayedText(source.received.payloadText)];
  if (declared === 'event') return [relayedText(source.eventText())];
  return declared(source.received.event, writtenBy(source));
}

/**
 * Checks the messages for an event, and adds groups and positions. Of several messages to a group, only the last one has the position.
 * The others have null. Therefore a client that disconnects between two of them is sent all of them again.
 */
function completed(
  made: readonly MadeSend[],
  source: EventSource,
  { groups, appendsPosition }: RuleContext,
): readonly RuledSend[] {
  const sends = made.map((send) => checked(send, groups));
  if (!appendsPosition) return sends;
  const position = source.position();
  return sends.map((send, index) => {
    const isLast = !sends.some(({ group }, other) => other > index && group === send.group);
    return { ...send, arguments: [...send.arguments, isLast ? position : null] };
  });
}

/** @throws ViewFault if a function of the application returned something that cannot be sent */
function checked(made: MadeSend, groups: readonly string[]): RuledSend {
  const [first = DEFAULT_GROUP] = groups;
  const { group = first, method, arguments: args, exceptUser, exceptConnection } = made;
  if (typeof method !== 'string' || method === '')
    throw new ViewFault('a message must name its client method');
  if (exceptUser !== undefined && typeof exceptUser !== 'string')
    throw new ViewFault('exceptUser must be a string');
  if (exceptConnection !== undefined && typeof exceptConnection !== 'string')
    throw new ViewFault('exceptConnection must be a string');
  if (!groups.includes(group)) throw new ViewFault('a message must name a group of the view');
  return {
    group,
    method,
    arguments: returnedArguments(args, 'the arguments of a message'),
    ...(exceptUser === undefined ? {} : { exceptUser }),
    ...(exceptConnection === undefined ? {} : { exceptConnection }),
  };
}
