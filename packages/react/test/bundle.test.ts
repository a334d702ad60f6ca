// The code that this package adds to the bundle of a page: its size and its imports.
import { gzipSync } from 'node:zlib';
import { build, type Rollup } from 'vite';
import { expect, test } from 'vitest';

/** Builds a page's bundle from one line of code, as an application does. React and the client stay outside. */
async function bundle(
  entry: string,
): Promise<{ code: string; imports: readonly string[]; gzipBytes: number }> {
  const entryId = '\0entry';
  const built = await build({
    configFile: false,
    root: import.meta.dirname,
    logLevel: 'silent',
    resolve: { conditions: ['@millrace/source', 'module', 'browser', 'production'] },
    build: {
      write: false,
      modulePreload: { polyfill: false },
      rollupOptions: {
        input: entryId,
        external: ['react', '@millrace/client'],
        preserveEntrySignatures: 'strict',
      },
    },
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entryId ? id : null),
        load: (id) => (id === entryId ? entry : null),
      },
    ],
  });
  const [{ output }] = (Array.isArray(built) ? built : [built]) as Rollup.RollupOutput[] as [
    Rollup.RollupOutput,
  ];
  const chunks = output.filter((part) => part.type === 'chunk');
  const code = chunks.map((chunk) => chunk.code).join('');
  return { code, imports: chunks.flatMap((chunk) => chunk.imports), gzipBytes: gzipSync(code).length };
}

test('all hooks together have less than 4 kB gzipped and need only React and the client', async () => {
  const { code, imports, gzipBytes } = await bundle("export * from '@millrace/react';");
  console.log(`@millrace/react: ${(gzipBytes / 1_000).toFixed(1)} kB gzipped`);
  expect(gzipBytes).toBeLessThan(4_000);
  expect(imports.toSorted()).toEqual(['@millrace/client', 'react']);
  expect(code).not.toMatch(/\brequire\(|\bprocess\.|\bBuffer\b|node:/);
}, 60_000);
