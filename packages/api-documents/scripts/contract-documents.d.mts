// Types of contract-documents.mjs, for the test that uses it.
import type * as apiDocuments from '@millrace/api-documents';
import type * as contract from '@millrace/contract';

export function contractDocuments(
  from: Pick<typeof apiDocuments, 'createAsyncApiDocument' | 'createOpenApiDocument'> &
    Pick<typeof contract, 'createJsonSchemas' | 'eventCatalog'>,
): Record<string, string>;
