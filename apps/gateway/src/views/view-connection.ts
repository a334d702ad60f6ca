// The caller that the functions of a view receive.
import { isBroadcastRoom, isRoomId } from '@millrace/contract';
import { HubError, SharedCall } from '@millrace/signalr';
import type { RoomGuard } from '../access/room-guard.js';
import { type GuardedPresence, NO_PRESENCE_OF_EVERYBODY, readMembers } from '../hub/presence-methods.js';
import { readClientPosition } from '../replay/client-position.js';
import type { GroupCall } from './group-calls.js';
import type { ResolvedView } from './resolved-view.js';
import { returnedArguments } from './returned-values.js';
import type { ViewContext } from './view-context.js';
import { keyOf } from './view-groups.js';
import type { JoinedRoom, ViewCaller } from './view-method.js';
import type { ViewPublishing } from './view-publishing.js';

/** Dependencies of {@link callerOf}. */
export interface CallerDependencies {
  readonly view: Pick<ResolvedView, 'path' | 'groups' | 'clientMethods' | 'groupCalls'>;
  readonly publishing: Pick<ViewPublishing, 'publish'>;
  /** `undefined` if presence is switched off. */
  readonly presence: Pick<GuardedPresence, 'snapshot'> | undefined;
  /** Opens the rooms that clients name. Every access to a room asks the guard. */
  readonly guard: Pick<RoomGuard, 'enter' | 'enterToSend' | 'nameOf' | 'prepare'>;
}

/** Creates the caller for one call. */
export function callerOf(context: ViewContext, dependencies: CallerDependencies): ViewCaller {
  const { user, items } = context;
  const { view, guard, presence, publishing } = dependencies;
  return {
    connectionId: context.connectionId,
    user: { userId: user.userId, name: user.name },
    query: context.request.query,
    state: items.state,
    async join(group, room, after) {
      const position = positionArgument(after);
      const roomId = await guard.enter(roomIdArgument(room), context);
      const joined = await items.rooms.join(context, keyOf(known(group, view), roomId), position);
      return joinedRoom(joined, roomId);
    },
    leave(group, room) {
      items.rooms.leave(context, keyOf(known(group, view), guard.nameOf(roomIdArgument(room), user)));
    },
    isIn: (group, room) => items.rooms.isIn(context, keyOf(known(group, view), guard.nameOf(room, user))),
    async members(room) {
      if (typeof room === 'string' && isBroadcastRoom(room)) throw new HubError(NO_PRESENCE_OF_EVERYBODY);
      return readMembers(presence, await guard.enter(roomIdArgument(room), context));
    },
    reply(method, ...args) {
      if (!view.clientMethods.has(method))
        throw new TypeError(`the view does not list ${JSON.stringify(method)} in its clientMethods`);
      sendReply(context, method, returnedArguments(args, `the arguments of ${method}`));
    },
    async publish(type, room, payload) {
      const roomId = await guard.enterToSend(roomIdArgument(room), context);
      await publishing.publish(context, { type, roomId, payload });
    },
    async sendToOthers({ group, room }, method, ...args) {
      const { groupCalls: type } = view;
      if (type === undefined)
        throw new TypeError('the view declares no groupCalls, so it cannot call the others');
      if (!view.clientMethods.has(method))
        throw new HubError('This method of other clients cannot be called.');
      const roomId = await guard.enterToSend(roomIdArgument(room), context);
      const payload: GroupCall = {
        view: view.path,
        group: known(group, view),
        method,
        arguments: [...args],
        from: context.connectionId,
      };
      await publishing.publish(context, { type, roomId, payload });
    },
  };
}

/** Sends a reply to the caller of a method. */
export function sendReply(
  { clients }: Pick<ViewContext, 'clients'>,
  method: string,
  args: readonly unknown[],
): void {
  clients.caller.relay(new SharedCall(method, args));
}

/** @throws HubError if the client gave no room ID */
export function roomIdArgument(value: unknown): string {
  if (typeof value === 'string' && isRoomId(value)) return value;
  throw new HubError(
    'The room ID must be 1 to 256 bytes of text without control characters, and not reserved ("millrace:control").',
  );
}

function positionArgument(value: unknown) {
  if (value === undefined || value === null) return undefined;
  const position = readClientPosition(value);
  if (position !== undefined) return position;
  throw new HubError('The position is not one that a gateway gave out.');
}

/** @throws TypeError for a group that the view does not declare */
function known(group: string, { groups }: Pick<ResolvedView, 'groups'>): string {
  if (groups.includes(group)) return group;
  throw new TypeError(`the view has no group ${JSON.stringify(group)}: its groups are ${groups.join(', ')}`);
}

function joinedRoom(
  { position, recovered, replayed }: Pick<JoinedRoom, 'position' | 'recovered' | 'replayed'>,
  roomId: string,
): JoinedRoom {
  return { roomId, position, recovered, replayed };
}
