/*
 * The public exports of `@millrace/signalr`: a SignalR server for Node.
 */
export type { BudgetOwner, BudgetOwnerOf, ClientLimitOptions } from './budgets/client-limits.js';
export type { ServerClock } from './connection/clock.js';
export { CLOSE_RULES, type CloseReason, type CloseRule } from './connection/close-reason.js';
export type { RequestInfo } from './connection/request-info.js';
export type { DrainOptions } from './drain.js';
export {
  AuthenticationUnavailable,
  HubError,
  SIGNALR_ERROR_CODES,
  SignalRError,
  type SignalRErrorCode,
} from './errors.js';
export type {
  BackplaneIgnoreReason,
  ConnectionIdentity,
  HandshakeFailure,
  HubCode,
  InvocationFailure,
  RefusalReason,
  SignalREvent,
  SignalREventListener,
} from './events.js';
export type { AttachableServer } from './http/attach.js';
export {
  type Authenticate,
  type Authenticated,
  type AuthenticateRequest,
  bearerTokenOf,
  requestInfoOf,
} from './http/authenticate.js';
export type { MapConnectionOptions, MapHubOptions } from './http/map-options.js';
export type {
  NegotiateRedirect,
  OnNegotiate,
  RedirectNegotiate,
  ResponseHeaders,
} from './http/negotiation.js';
export { type AllowedOrigins, corsHeaders, isOriginAllowed, preflightHeaders } from './http/origin-policy.js';
export { parseRequestTarget, type RequestTarget } from './http/request-target.js';
export { discardRest } from './http/rest-of-input.js';
export type { HubClient, HubItemStream } from './hub/hub-client.js';
export type {
  ClientProxy,
  HubCallerClients,
  HubClients,
  SingleClientProxy,
  TargetArguments,
  TargetResult,
} from './hub/hub-clients.js';
export type { ConnectionGroups, HubContext } from './hub/hub-context.js';
export {
  type AnyParsedMethod,
  type ArgumentParser,
  type BackpressureAction,
  defineHub,
  type GuardsOf,
  type HubCalls,
  type HubDefinition,
  type HubHandlers,
  type HubMessages,
  type HubMethodsOf,
  type HubStreams,
  type Items,
  type ItemsFactory,
  type MethodKind,
  type MethodOptions,
  method,
  type ParsedArguments,
  type ParsedMethod,
  type PlainMethod,
  streamMethod,
  type UploadSource,
  type UploadSources,
  type UploadStreams,
} from './hub/hub-definition.js';
export type { FilteredInvocation, HubFilter } from './hub/hub-filter.js';
export type { ConnectionSummary, Hub, HubConnections, HubGroups } from './hub/mapped-hub.js';
export { type Guard, isBoolean, isNumber, isString, parseArguments } from './hub/parse-arguments.js';
export type { BackplaneState } from './hub/remote-hub.js';
export { type ConnectionDirectory, createMemoryDirectory } from './instances/connection-directory.js';
export type { InstanceOptions } from './instances/instances.js';
export type {
  HubListeners,
  ListenableHub,
  ListenerClient,
  ListenerRefusal,
} from './listeners/hub-listeners.js';
export type { ListenerEncoding } from './listeners/listener-encoding.js';
export {
  type ListenerOutput,
  ListenerPoll,
  type ListenerPollOptions,
  ListenerStream,
  type ListenerStreamOptions,
} from './listeners/listener-output.js';
export { type MetricRecorder, measureSignalR, SIGNALR_METRICS } from './observability/metrics.js';
export { DEFAULT_OPTIONS, type HubLimits, type RawLimits, type SignalRServerOptions } from './options.js';
export { JsonText } from './protocol/json-text.js';
export type { TransportName } from './protocol/negotiate.js';
export { PreparedCall } from './protocol/prepared-call.js';
export { SharedCall } from './protocol/shared-call.js';
export type { ConnectionHandler, RawConnection } from './raw/raw-connection.js';
export { type CloseOptions, createSignalRServer, type SignalRServer } from './server.js';
export { CLOSE_CODES, type CloseCode } from './transports/close-codes.js';
