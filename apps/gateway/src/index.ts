// Public exports of @millrace/gateway, for programs that embed a gateway.
export { GatewayError, type GatewayErrorCode } from './errors.js';
export type { ExampleEvent, ExtensionHost, GatewayExtension } from './extension.js';
export { createGateway, type Gateway, type GatewayAddress } from './gateway.js';
export type { GatewayOptions } from './settings/options.js';
export { createLogger, type Logger } from './telemetry/logger.js';
