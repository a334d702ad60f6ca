// Public exports of @millrace/gateway, for application modules and for programs that embed a gateway.
export { HubError } from '@millrace/signalr';
export type { AppAccess, AppUser, MayEnter, TokenClaims } from './access/app-access.js';
export {
  type Application,
  type ApplicationHost,
  type AppPresence,
  defineApp,
  type ExampleEvent,
  type StopApplication,
} from './application/application.js';
export { GatewayError, type GatewayErrorCode } from './errors.js';
export { createGateway, type Gateway, type GatewayAddress } from './gateway.js';
export { entryIntakeOf } from './intake/compose-intake.js';
export type {
  EnvelopePart,
  IntakeRule,
  IntakeRules,
  MappedEntry,
  MappedEvent,
  MemberKind,
  PartSource,
  PatternRule,
  PayloadSteps,
} from './intake/rule.js';
export type { RoomMember, RoomMembers } from './presence/room-members.js';
export type { GatewayOptions } from './settings/options.js';
export { createLogger, type Logger } from './telemetry/logger.js';
export { defineGroupCalls, type GroupCall } from './views/group-calls.js';
export {
  type DefinedView,
  defineView,
  type MadeSend,
  type Send,
  type SendRule,
  type View,
  type ViewNotices,
  type WrittenPayload,
} from './views/view.js';
export type {
  JoinedRoom,
  JoinMethod,
  LeaveMethod,
  ViewCaller,
  ViewMethod,
  ViewUser,
} from './views/view-method.js';
