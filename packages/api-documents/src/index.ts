// Public exports of `@millrace/api-documents`.
export { type AsyncApiDocument, type AsyncApiInfo, createAsyncApiDocument } from './asyncapi.js';
export { createOpenApiDocument, type OpenApiDocument, type OpenApiOptions } from './openapi.js';
