/*
 * The public exports of `@millrace/signalr/backplane`: the interface of a backplane, which connects several servers, and the
 * backplane for servers in one process.
 */
export type { BackplaneSubscription, HubBackplane } from './backplane/hub-backplane.js';
export { createMemoryBackplane } from './backplane/memory-backplane.js';
