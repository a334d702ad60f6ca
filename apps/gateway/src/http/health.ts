// Routes for orchestrators and Prometheus: liveness, readiness and metrics.
import type { FastifyInstance } from 'fastify';

/**
 * Readiness for new connections, with the reasons if the gateway is not ready. `details` lists what an operator should
 * correct even if the gateway is ready.
 */
export type Readiness = { readonly details: readonly string[] } & (
  | { readonly isReady: true }
  | { readonly isReady: false; readonly reasons: readonly string[] }
);

/** Dependencies of the health routes. */
export interface HealthDependencies {
  readiness(): Readiness;
}

/**
 * Adds `/healthz` (200 while the process runs) and `/readyz` (200 or 503). With `areReasonsShown`, `/readyz` also shows why
 * the gateway is not ready. The reasons name streams and settings, so a public port must not show them.
 */
export function addHealthRoutes(
  app: FastifyInstance,
  dependencies: HealthDependencies,
  { areReasonsShown }: { readonly areReasonsShown: boolean },
): void {
  app.get('/healthz', async () => ({ status: 'ok' }));

  app.get('/readyz', async (_request, reply) => {
    const readiness = dependencies.readiness();
    const status = readiness.isReady ? 'ready' : 'not ready';
    void reply.code(readiness.isReady ? 200 : 503);
    if (!areReasonsShown) return { status };
    const reasons = readiness.isReady ? {} : { reasons: readiness.reasons };
    const details = readiness.details.length === 0 ? {} : { details: readiness.details };
    return { status, ...reasons, ...details };
  });
}

/** Adds `/metrics` for Prometheus. */
export function addMetricsRoute(
  app: FastifyInstance,
  dependencies: {
    exposeMetrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  },
): void {
  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await dependencies.exposeMetrics();
    return reply.header('content-type', contentType).send(text);
  });
}
