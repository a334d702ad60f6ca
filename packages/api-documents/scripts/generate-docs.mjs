// Writes docs/contract/*.json from the built catalog. Run after `npm run compile`: node packages/api-documents/scripts/generate-docs.mjs
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as contract from '@millrace/contract';
import * as apiDocuments from '../dist/index.js';
import { contractDocuments } from './contract-documents.mjs';

const target = fileURLToPath(new URL('../../../docs/contract/', import.meta.url));

// Removes only the generated files, because people wrote the other files in the folder.
for (const path of readdirSync(target, { recursive: true }))
  if (path.endsWith('.json')) rmSync(target + path);
const documents = contractDocuments({ ...contract, ...apiDocuments });
for (const [path, text] of Object.entries(documents)) {
  mkdirSync(dirname(target + path), { recursive: true });
  writeFileSync(target + path, text);
}
console.log(`${Object.keys(documents).length} documents written to docs/contract`);
