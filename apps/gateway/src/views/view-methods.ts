// Turns the declared methods of a view into methods of its hub.
import { type HubMethodsOf, method as hubMethod, type PlainMethod } from '@millrace/signalr';
import type { ResolvedView } from './resolved-view.js';
import { refusePromise, returnedArguments } from './returned-values.js';
import { type CallerDependencies, callerOf, roomIdArgument, sendReply } from './view-connection.js';
import type { ViewContext } from './view-context.js';
import type { JoinMethod, LeaveMethod, Reply, RoomOf, ViewCaller } from './view-method.js';

/** Returns the methods of the hub, by name. */
export function hubMethods(
  view: Pick<ResolvedView, 'methods' | 'appendsPosition'>,
  dependencies: CallerDependencies,
): HubMethodsOf<ViewContext> {
  const methods = Object.entries(view.methods).map(([name, method]) => {
    if (typeof method === 'function')
      return [
        name,
        (context: ViewContext, ...args: unknown[]) => method(callerOf(context, dependencies), ...args),
      ];
    return [name, 'join' in method ? joinBy(method, view, dependencies) : leaveBy(method, dependencies)];
  });
  return Object.fromEntries(methods) as HubMethodsOf<ViewContext>;
}

function joinBy(
  { join: group, room: roomOf, reply }: JoinMethod,
  { appendsPosition }: Pick<ResolvedView, 'appendsPosition'>,
  dependencies: CallerDependencies,
) {
  return hubMethod(
    (args) => args,
    async (context: ViewContext, ...args: unknown[]) => {
      const caller = callerOf(context, dependencies);
      const { room, rest } = roomAndRest(roomOf, caller, args);
      const joined = await caller.join(group, room, appendsPosition ? rest[0] : undefined);
      sendDeclared(context, reply, { ...joined, room });
      return joined;
    },
    {
      prepare(context, ...args) {
        const { room } = roomAndRest(roomOf, callerOf(context, dependencies), [...args]);
        dependencies.guard.prepare(roomIdArgument(room), context.user);
      },
    },
  );
}

function leaveBy(
  { leave: group, room: roomOf, reply }: LeaveMethod,
  dependencies: CallerDependencies,
): PlainMethod<ViewContext> {
  return (context, ...args) => {
    const caller = callerOf(context, dependencies);
    const { room } = roomAndRest(roomOf, caller, args);
    caller.leave(group, room);
    sendDeclared(context, reply, { room });
  };
}

/** Returns the room of a call, and the arguments after it. */
function roomAndRest(roomOf: RoomOf<ViewCaller> | undefined, caller: ViewCaller, args: unknown[]) {
  if (roomOf !== undefined) {
    const named = roomOf(caller, ...args);
    refusePromise(named, 'the room of a method');
    return { room: named, rest: args };
  }
  const [room, ...rest] = args;
  return { room: roomIdArgument(room), rest };
}

function sendDeclared<Input extends { readonly room: string }>(
  context: ViewContext,
  reply: string | Reply<Input> | undefined,
  input: Input,
): void {
  if (reply === undefined) return;
  const { method, arguments: argumentsOf } =
    typeof reply === 'string' ? { method: reply, arguments: undefined } : reply;
  const args =
    argumentsOf === undefined
      ? [input.room]
      : returnedArguments(argumentsOf(input), 'the arguments of a reply');
  sendReply(context, method, args);
}
