/*
 * The public list of `@millrace/signalr/opentelemetry`.
 */
export { meterHubs, traceHubs } from './observability/open-telemetry.js';
