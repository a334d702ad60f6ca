/*
 * `@millrace/signalr/fastify`: a plugin that attaches a SignalR server to a Fastify instance and closes both together. It declares
 * the parts of Fastify that it uses, so that the package does not depend on Fastify.
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
  /** Maximum time that `fastify.close()` waits for clients to disconnect. @defaultValue 5_000 */
  readonly closeWithinMs?: number;
}

/**
 * A Fastify plugin: `fastify.register(signalrPlugin, { server })`. Requests under the paths of hubs go to the hubs, and bypass
 * Fastify's hooks. `fastify.close()` closes the SignalR server first, because the open sockets of SignalR clients would keep
 * Fastify from closing.
 */
export async function signalrPlugin(fastify: FastifyLike, options: SignalRPluginOptions): Promise<void> {
  options.server.attach(fastify.server);
  fastify.addHook('preClose', () => options.server.close({ withinMs: options.closeWithinMs ?? 5_000 }));
}
