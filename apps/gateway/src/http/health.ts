// Routes for orchestrators and Prometheus: liveness, readiness and metrics.
import type { FastifyInstance } from 'fastify';

/**
 * Readiness for new connections, with the reasons if the gateway is not ready. `details` lists conditions that an operator should
 * correct even if the gateway is ready.
 */
export type Readiness = { readonly details: readonly string[] } & (
  | { readonly isReady: true }
  | { readonly isReady: false; readonly reasons: readonly string[] }
);

/** Dependencies of the routes. */
export interface HealthDependencies {
  readiness(): Readiness;
  exposeMetrics(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Adds `/healthz` (200 while the process runs), `/readyz` (200 or 503 with reasons) and `/metrics`. */
export function addHealthRoutes(app: FastifyInstance, dependencies: HealthDependencies): void {
  app.get('/healthz', async () => ({ status: 'ok' }));

  app.get('/readyz', async (_request, reply) => {
    const readiness = dependencies.readiness();
    const details = readiness.details.length === 0 ? {} : { details: readiness.details };
    if (readiness.isReady) return { status: 'ready', ...details };
    return reply.code(503).send({ status: 'not ready', reasons: readiness.reasons, ...details });
  });

  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await dependencies.exposeMetrics();
    return reply.header('content-type', contentType).send(text);
  });
}
