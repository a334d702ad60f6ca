// Public exports of @millrace/client.
export { type Client, createClient } from './client.js';
export { CLIENT_ERROR_CODES, ClientError, type ClientErrorCode } from './client-error.js';
export type { ClientOptions } from './client-options.js';
export type { ClientCounts, ClientState, StateChange } from './client-state.js';
export type {
  CallAnswer,
  Connection,
  ConnectionEnd,
  ConnectionListener,
  ConnectionRequest,
  CreateConnection,
} from './connection/connection-port.js';
export type { NetworkEvents } from './connection/connector.js';
export type { SignalROptions } from './connection/signalr-adapter.js';
export type { AccessToken, TokenContext } from './connection/token-source.js';
export type {
  BuiltIn,
  DeliveredEvent,
  EventHandler,
  EventName,
  PayloadsOf,
  TypingUser,
} from './delivery/events.js';
export type { Unsubscribe } from './delivery/handlers.js';
export type { IndicatorCatalog } from './indicators/indicator-rules.js';
export type {
  InitialState,
  LoadContext,
  LoadedState,
  Loader,
  LoadOptions,
  LoadSnapshot,
  LoadStatus,
  RoomLoad,
  UpTo,
  WhenDown,
} from './loading/room-load.js';
export type { RoomMember, RoomMembers } from './members/room-members.js';
export type { JoinOptions, JoinResult, Room, RoomStatus } from './rooms/room.js';
