/*
 * The public list of `@millrace/signalr/backplane`: the port that connects several servers, and its form for one process.
 */
export type { BackplaneSubscription, HubBackplane } from './backplane/hub-backplane.js';
export { createMemoryBackplane } from './backplane/memory-backplane.js';
