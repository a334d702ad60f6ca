// The bundle of a page: its size, and the code that it must not contain.
import { gzipSync } from 'node:zlib';
import { build, type Rollup } from 'vite';
import { beforeAll, describe, expect, test } from 'vitest';

interface Bundle {
  readonly code: string;
  /** Files whose code is in the bundle. */
  readonly modules: readonly string[];
  readonly imports: readonly string[];
  readonly minBytes: number;
  readonly gzipBytes: number;
}

/** Builds a page's bundle from one line of code, as an application does. */
async function bundle(entry: string, external: readonly string[] = []): Promise<Bundle> {
  const entryId = '\0entry';
  const built = await build({
    configFile: false,
    root: import.meta.dirname,
    logLevel: 'silent',
    resolve: { conditions: ['@millrace/source', 'module', 'browser', 'production'] },
    build: {
      write: false,
      modulePreload: { polyfill: false },
      rollupOptions: { input: entryId, external: [...external], preserveEntrySignatures: 'strict' },
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
  const modules = chunks.flatMap((chunk) =>
    Object.entries(chunk.modules).flatMap(([id, { renderedLength }]) => (renderedLength > 0 ? [id] : [])),
  );
  const imports = chunks.flatMap((chunk) => chunk.imports);
  return { code, modules, imports, minBytes: Buffer.byteLength(code), gzipBytes: gzipSync(code).length };
}

const entry = "import { createClient } from '@millrace/client'; createClient({ url: '/' }).connect();";

describe('the bundle of a page', () => {
  let alone: Bundle;
  let whole: Bundle;

  beforeAll(async () => {
    alone = await bundle(entry, ['@microsoft/signalr']);
    whole = await bundle(entry);
    const kilobytes = (bytes: number): string => `${(bytes / 1_000).toFixed(1)} kB`;
    for (const [name, { minBytes, gzipBytes }] of Object.entries({
      '@millrace/client alone': alone,
      '… with @microsoft/signalr': whole,
    })) {
      console.log(`${name}: ${kilobytes(minBytes)} minified, ${kilobytes(gzipBytes)} gzipped`);
    }
  }, 60_000);

  test('the client has less than 12.4 kB gzipped, and less than 26.2 kB together with the SignalR client', () => {
    expect(alone.gzipBytes).toBeLessThan(12_400);
    expect(whole.gzipBytes).toBeLessThan(26_200);
  });

  test('the bundle contains no schema library and no code of the contract package', () => {
    const foreign = whole.modules.filter((id) =>
      /typebox|packages\/(contract|broker|publisher|signalr)\//.test(id),
    );
    expect(foreign).toEqual([]);
    expect(alone.imports).toEqual(['@microsoft/signalr']);
  });

  test('the bundle imports no Node module', () => {
    expect(whole.imports).toEqual([]);
    expect(whole.modules.filter((id) => /browser-external|^node:/.test(id))).toEqual([]);
    expect(alone.code).not.toMatch(/\brequire\(|\bprocess\.|\bBuffer\b|node:/);
  });
});

test('the bundle leaves out code that is not used', async () => {
  const { modules, minBytes } = await bundle(
    "import { ClientError } from '@millrace/client'; throw new ClientError('closed', '');",
  );
  expect(modules.filter((id) => id.includes('signalr'))).toEqual([]);
  expect(minBytes).toBeLessThan(600);
}, 60_000);
