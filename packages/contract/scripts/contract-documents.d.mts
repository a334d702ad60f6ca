// Types of contract-documents.mjs, for the test that uses it.
import type * as contract from '@millrace/contract';

export function contractDocuments(
  from: Pick<
    typeof contract,
    'createAsyncApiDocument' | 'createJsonSchemas' | 'createOpenApiDocument' | 'eventCatalog'
  >,
): Record<string, string>;
