// For orchestrators and Prometheus: is the process alive, should it get traffic, what does it measure.
import type { FastifyInstance } from 'fastify';

/** Why a gateway should get no new connections; empty when it should. */
export type Readiness =
  | { readonly isReady: true }
  | { readonly isReady: false; readonly reasons: readonly string[] };

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
    if (readiness.isReady) return { status: 'ready' };
    return reply.code(503).send({ status: 'not ready', reasons: readiness.reasons });
  });

  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await sources.exposeMetrics();
    return reply.header('content-type', contentType).send(text);
  });
}
