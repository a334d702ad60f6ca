/*
 * The public exports of `@millrace/signalr/backplane`: the interface of a backplane, and a backplane for several servers in
 * one process. A backplane connects several servers.
 */
export type { BackplaneSubscription, HubBackplane } from './backplane/hub-backplane.js';
export { createMemoryBackplane } from './backplane/memory-backplane.js';
