// Public exports of @millrace/client.
export { type Client, createClient } from './client.js';
export { CLIENT_ERROR_CODES, ClientError, type ClientErrorCode } from './client-error.js';
export type { ClientOptions } from './client-options.js';
export type { ClientCounts, ClientState, StateChange } from './client-state.js';
export type { ClientClock } from './clock.js';
export type {
  CallAnswer,
  Connection,
  ConnectionEnd,
  ConnectionListener,
  ConnectionRequest,
  CreateConnection,
} from './connection.js';
export type { NetworkEvents } from './connector.js';
export type { BuiltIn, DeliveredEvent, EventHandler, EventName, PayloadsOf, TypingUser } from './events.js';
export type { Unsubscribe } from './handlers.js';
export type { IndicatorCatalog } from './indicator-rules.js';
export type { JoinOptions, JoinResult, Room, RoomStatus } from './room.js';
export type { SignalROptions } from './signalr-connection.js';
export type { AccessToken, TokenContext } from './token-source.js';
