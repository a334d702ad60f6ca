/*
 * Serves the pages of the matrix: one script with the features, and the published browser builds of each client version. The
 * tested client is not modified.
 */
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import type { Version } from './cells.js';
import type { PageServer } from './matrix-server.js';

const require = createRequire(import.meta.url);

const PACKAGES: Readonly<Record<Version, readonly [string, string]>> = {
  '10.0.11': ['@microsoft/signalr', '@microsoft/signalr-protocol-msgpack'],
  '8.0.17': ['signalr-8', 'signalr-protocol-msgpack-8'],
};

/** Returns the path of the page of a client version. */
export function pagePath(version: Version): string {
  return `/pages/${version}`;
}

/** Builds the script of the pages. Returns a function that answers requests for the pages and their scripts. */
export async function createPageServer(): Promise<PageServer> {
  const files = new Map<string, { readonly type: string; readonly text: string }>();
  const script = (text: string): { type: string; text: string } => ({ type: 'text/javascript', text });
  files.set('/pages/features.js', script(await bundleFeatures()));
  for (const [version, [client, protocol]] of Object.entries(PACKAGES)) {
    files.set(`/pages/${version}/client.js`, script(publishedText(client, 'signalr')));
    files.set(`/pages/${version}/protocol.js`, script(publishedText(protocol, 'signalr-protocol-msgpack')));
    const sources = [`/pages/${version}/client.js`, `/pages/${version}/protocol.js`, '/pages/features.js'];
    const scripts = sources.map((source) => `<script src="${source}"></script>`).join('');
    files.set(`/pages/${version}`, { type: 'text/html; charset=utf-8', text: `<!doctype html>${scripts}` });
  }
  return (path: string, response: ServerResponse) => {
    const file = files.get(path);
    if (file === undefined) return false;
    response.setHeader('Content-Type', file.type);
    response.end(file.text);
    return true;
  };
}

/** Returns the published browser build of a package, for `<script>` tags. */
function publishedText(packageName: string, file: string): string {
  return readFileSync(require.resolve(`${packageName}/dist/browser/${file}.js`), 'utf8');
}

async function bundleFeatures(): Promise<string> {
  const entry = fileURLToPath(new URL('page.ts', import.meta.url));
  const output = await build({
    configFile: false,
    logLevel: 'warn',
    build: {
      write: false,
      minify: false,
      target: 'es2022',
      lib: { entry, formats: ['iife'], name: 'features', fileName: 'features' },
    },
  });
  const [first] = [output].flat();
  const chunks: readonly { type: string; code?: string }[] =
    first !== undefined && 'output' in first ? first.output : [];
  const text = chunks.find(({ type }) => type === 'chunk')?.code;
  if (text === undefined) throw new Error('the features were not bundled');
  return text;
}
