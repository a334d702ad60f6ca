// Every compose file follows the schema of the Compose Specification. No container is started.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const read = (path) => readFileSync(`${repository}/${path}`, 'utf8');

const files = execFileSync('git', ['ls-files', '*compose.yaml'], { cwd: repository, encoding: 'utf8' })
  .trim()
  .split('\n');

// Ajv knows this draft by another address. Formats, such as durations, are those of Compose.
const { $schema: _, ...schema } = JSON.parse(read('scripts/schemas/compose-spec.json'));
const isCompose = new Ajv({ strict: false, validateFormats: false }).compile(schema);

test.each(files)('%s follows the Compose Specification', (file) => {
  isCompose(parse(read(file), { merge: true }));
  expect(isCompose.errors).toBeNull();
});

test('a misspelt key of a service is found', () => {
  expect(isCompose({ services: { redis: { image: 'redis', healthcheckk: {} } } })).toBe(false);
});
