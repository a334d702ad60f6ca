// Checks that the files in docs/contract are identical to the output of the generator.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as apiDocuments from '@millrace/api-documents';
import * as contract from '@millrace/contract';
import { expect, test } from 'vitest';
import { contractDocuments } from '../scripts/contract-documents.mjs';

const folder = fileURLToPath(new URL('../../../docs/contract/', import.meta.url));

test('the committed documents are identical to the documents that are generated from the built-in catalog', () => {
  const generated = contractDocuments({ ...contract, ...apiDocuments });
  const committed = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.json'),
  );
  expect(committed.sort()).toEqual(Object.keys(generated).sort());
  for (const [path, text] of Object.entries(generated))
    expect(readFileSync(folder + path, 'utf8')).toBe(text);
});
