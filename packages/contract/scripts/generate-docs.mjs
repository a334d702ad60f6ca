// Writes docs/contract/*.json from the built catalog. Run after `tsc -b`: node packages/contract/scripts/generate-docs.mjs
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as contract from '../dist/index.js';
import { contractDocuments } from './contract-documents.mjs';

const target = fileURLToPath(new URL('../../../docs/contract/', import.meta.url));

// Only generated files go: those that people wrote there stay.
for (const path of readdirSync(target, { recursive: true }))
  if (path.endsWith('.json')) rmSync(target + path);
const documents = contractDocuments(contract);
for (const [path, text] of Object.entries(documents)) {
  mkdirSync(dirname(target + path), { recursive: true });
  writeFileSync(target + path, text);
}
console.log(`${Object.keys(documents).length} documents written to docs/contract`);
