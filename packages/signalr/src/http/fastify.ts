/*
 * `@millrace/signalr/fastify`: a plugin that attaches a SignalR server to a Fastify instance and closes both together. This
 * file declares the parts of Fastify that it uses. Therefore the package does not depend on Fastify.
 */
import {
  atLeast,
  checkOptions,
  nearestName,
  type OptionRules,
  objectWith,
  required,
} from '@millrace/internal';
import { invalidOption } from '../errors.js';
import type { SignalRServer } from '../server.js';
import type { AttachableServer } from './attach.js';

/** The part of a Fastify instance (version 5) that the plugin needs. @beta */
export interface FastifyLike {
  readonly server: AttachableServer;
  addHook(name: 'preClose', hook: () => Promise<void>): unknown;
}

/** Options of {@link signalrPlugin}. @beta */
export interface SignalRPluginOptions {
  readonly server: SignalRServer;
  /** Maximum time that `fastify.close()` waits for clients to disconnect. @defaultValue 5_000 */
  readonly closeWithinMs?: number;
}

const RULES: OptionRules<SignalRPluginOptions> = {
  server: required(objectWith(['attach', 'close'])),
  closeWithinMs: atLeast(0),
};

/**
 * A Fastify plugin: `fastify.register(signalrPlugin, { server })`. Requests under the paths of hubs go to the hubs, and
 * bypass Fastify's hooks. `fastify.close()` closes the SignalR server first, because open sockets of SignalR clients would
 * keep Fastify from closing.
 * @throws SignalRError `invalid_option`
 * @beta
 */
export async function signalrPlugin(fastify: FastifyLike, options: SignalRPluginOptions): Promise<void> {
  const { server, closeWithinMs = 5_000 } = checkOptions(options, RULES, invalidOption, nearestName);
  server.attach(fastify.server);
  fastify.addHook('preClose', () => server.close({ withinMs: closeWithinMs }));
}
