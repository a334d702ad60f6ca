// Every option of the documents is checked.
import {
  type AsyncApiInfo,
  createAsyncApiDocument,
  createOpenApiDocument,
  type OpenApiOptions,
} from '@millrace/api-documents';
import { createJsonSchemas, eventCatalog, type JsonSchemaOptions } from '@millrace/contract';
import { describeOptions, texts, wholeNumbers } from '@millrace/testkit';

const code = 'invalid_option';

describeOptions<OpenApiOptions>('createOpenApiDocument', {
  create: (options) => createOpenApiDocument(eventCatalog, options),
  table: {
    maxEventsPerRequest: wholeNumbers(),
    maxEventsPerPage: wholeNumbers(),
    maxWaitSeconds: wholeNumbers({ min: 0 }),
  },
  code,
});

describeOptions<AsyncApiInfo>('createAsyncApiDocument', {
  create: (info) => createAsyncApiDocument(eventCatalog, info),
  table: {
    title: { ...texts(['Events']), isRequired: true },
    version: { ...texts(['1']), isRequired: true },
    description: texts(['', 'All events'], []),
  },
  code,
});

describeOptions<JsonSchemaOptions>('createJsonSchemas', {
  create: (options) => createJsonSchemas(eventCatalog, options),
  table: { idPrefix: texts(['https://example.com/']) },
  code,
});
