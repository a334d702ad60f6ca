/*
 * The public exports of `@millrace/signalr/opentelemetry`.
 */
export { meterHubs, traceHubs } from './observability/open-telemetry.js';
