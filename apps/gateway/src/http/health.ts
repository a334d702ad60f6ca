// For orchestrators and Prometheus: is the process alive, should it get traffic, what does it measure.
import type { FastifyInstance } from 'fastify';

/** Says whether a gateway should get new connections, and if not, why. `details`: what somebody should look after all the same. */
export type Readiness = { readonly details: readonly string[] } & (
  | { readonly isReady: true }
  | { readonly isReady: false; readonly reasons: readonly string[] }
);

/** What the routes ask. */
export interface HealthSources {
  readiness(): Readiness;
  exposeMetrics(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Adds `/healthz` (200 while the process runs), `/readyz` (200 or 503 with reasons) and `/metrics`. */
export function addHealthRoutes(app: FastifyInstance, sources: HealthSources): void {
  app.get('/healthz', async () => ({ status: 'ok' }));

  app.get('/readyz', async (_request, reply) => {
    const readiness = sources.readiness();
    const details = readiness.details.length === 0 ? {} : { details: readiness.details };
    if (readiness.isReady) return { status: 'ready', ...details };
    return reply.code(503).send({ status: 'not ready', reasons: readiness.reasons, ...details });
  });

  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await sources.exposeMetrics();
    return reply.header('content-type', contentType).send(text);
  });
}
