/*
 * `@millrace/signalr/fastify`: a plugin that attaches a SignalR server to a Fastify instance and closes both together. It uses the
 * structural type of Fastify only, so the package does not depend on it.
 */
import type { SignalRServer } from '../server.js';
import type { AttachableServer } from './attach.js';

/** The part of a Fastify instance (version 5) that the plugin needs. */
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
 * `fastify.register(signalrPlugin, { server })`. Requests under the hubs' paths go to the hubs and bypass Fastify's hooks;
 * `fastify.close()` closes the SignalR server first, because its sockets would keep Fastify open.
 */
export async function signalrPlugin(fastify: FastifyLike, options: SignalRPluginOptions): Promise<void> {
  options.server.attach(fastify.server);
  fastify.addHook('preClose', () => options.server.close({ withinMs: options.closeWithinMs ?? 5_000 }));
}
