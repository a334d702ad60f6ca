// `GET /v1/openapi.json`: describes publishing and reading over HTTP for tools. Anyone may request the document, because it
// contains no secret. Decision 16 explains why the document is not made by `@fastify/swagger`.
import { createOpenApiDocument, type OpenApiOptions } from '@millrace/api-documents';
import type { AnyCatalog } from '@millrace/contract';
import type { FastifyInstance } from 'fastify';

/** Adds the route. The document is created at the first request. */
export function addOpenApiRoute(
  app: FastifyInstance,
  { catalog, ...limits }: OpenApiOptions & { readonly catalog: AnyCatalog },
): void {
  let text: string | undefined;
  app.get('/v1/openapi.json', async (_request, reply) => {
    text ??= JSON.stringify(createOpenApiDocument(catalog, limits));
    return reply.type('application/json; charset=utf-8').send(text);
  });
}
