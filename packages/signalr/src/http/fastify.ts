/*
 * `@millrace/signalr/fastify`: a plugin that puts a SignalR server in front of a Fastify instance and ends it
 * with it. Fastify is known by its shape only, so the package does not depend on it.
 */
import type { SignalRServer } from '../server.js';
import type { AttachableServer } from './attach.js';

/** What the plugin needs of a Fastify instance (version 5). */
export interface FastifyLike {
  readonly server: AttachableServer;
  addHook(name: 'preClose', hook: () => Promise<void>): unknown;
}

/** Options of {@link signalrPlugin}. */
export interface SignalRPluginOptions {
  readonly server: SignalRServer;
  /** How long `fastify.close()` waits for clients to end. @defaultValue 5_000 */
  readonly closeWithinMs?: number;
}

/**
 * `fastify.register(signalrPlugin, { server })`. Requests under the hubs' paths go to the hubs and see none of
 * Fastify's hooks; `fastify.close()` closes the SignalR server first, as its sockets would keep Fastify open.
 */
export async function signalrPlugin(fastify: FastifyLike, options: SignalRPluginOptions): Promise<void> {
  options.server.attach(fastify.server);
  fastify.addHook('preClose', () => options.server.close({ withinMs: options.closeWithinMs ?? 5_000 }));
}
