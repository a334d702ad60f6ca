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

test('the AsyncAPI document says where its reader finds the methods of the hub and the messages that are not events, and names all of them', () => {
  const protocol = readFileSync(`${folder}../protocol.md`, 'utf8');
  const methods = Array.from(protocol.matchAll(/^\| `([A-Z]\w+)\(/gm), ([, name]) => name);
  const [, targets = ''] = /The target is the event's type, (.*?)\. /.exec(protocol) ?? [];
  const messages = Array.from(targets.matchAll(/`(\w+)`/g), ([, name]) => name);
  expect([methods.length, messages.length]).toEqual([8, 5]);
  const { info, channels } = JSON.parse(readFileSync(`${folder}asyncapi.json`, 'utf8')) as {
    readonly info: { readonly description: string };
    readonly channels: { readonly hub: { readonly description: string } };
  };
  expect(info.description).toContain('docs/protocol.md');
  for (const name of [...methods, ...messages]) expect(info.description).toContain(name);
  for (const name of messages) expect(channels.hub.description).toContain(name);
});
