/*
 * The public exports of `@millrace/signalr/fastify`.
 */
export { type FastifyLike, type SignalRPluginOptions, signalrPlugin } from './http/fastify.js';
