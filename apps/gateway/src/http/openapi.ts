// `GET /v1/openapi.json`: the ingest, described for tools. Open to everybody: it holds no secret.
import { createOpenApiDocument } from '@millrace/api-documents';
import type { AnyCatalog } from '@millrace/contract';
import type { FastifyInstance } from 'fastify';

/** Adds the route. The document is written when it is first asked for. */
export function addOpenApiRoute(
  app: FastifyInstance,
  options: { readonly catalog: AnyCatalog; readonly maxEventsPerRequest: number },
): void {
  let text: string | undefined;
  app.get('/v1/openapi.json', async (_request, reply) => {
    text ??= JSON.stringify(createOpenApiDocument(options.catalog, options));
    return reply.type('application/json; charset=utf-8').send(text);
  });
}
