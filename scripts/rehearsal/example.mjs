// The first example of a package's README: found, compiled as a user's TypeScript, and run.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePort, run } from './command.mjs';

/**
 * The settings of TypeScript that users have, by name. Only one of them checks the types inside of packages: that takes half a minute,
 * and the result is the same for both.
 */
const resolutions = {
  node16: { module: 'node16', moduleResolution: 'node16', skipLibCheck: false },
  bundler: { module: 'esnext', moduleResolution: 'bundler', skipLibCheck: true },
};
const commonOptions = {
  target: 'es2022',
  lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
  strict: true,
  jsx: 'react-jsx',
  outDir: 'compiled',
};

/** Returns `{ language, code, install }` of a README, or undefined if it has no example. */
export async function readExample(unpacked) {
  const text = await readFile(join(unpacked, 'README.md'), 'utf8');
  const [, language, code] = /<!-- example(?:: [\w-]+)? -->\n```(js|ts|tsx)\n(.*?)\n```/s.exec(text) ?? [];
  if (code === undefined) return undefined;
  const [, packages = ''] = /^npm install (.+)$/m.exec(text) ?? [];
  return { language, code, install: packages.split(/\s+/) };
}

/** Replaces the addresses of an example, which are those of a default installation. */
export function atAddresses(code, { redis, gateway }) {
  return code.replaceAll('redis://localhost:6379', redis).replaceAll('http://localhost:4400', gateway);
}

/** Compiles an example, and a module that imports every entry point. Returns a line for each compiler and setting that fails. */
export async function compileExample(app, { code, language }, { compilers, entries, needsNodeTypes }) {
  const source = language === 'tsx' ? 'example.tsx' : 'example.ts';
  await app.write(source, code);
  const imports = entries.map((entry, index) => `export * as entry${index} from '${entry}';`);
  await app.write('entries.ts', imports.join('\n'));
  const faults = [];
  for (const [resolution, settings] of Object.entries(resolutions)) {
    const types = needsNodeTypes ? ['node'] : [];
    const compilerOptions = { ...commonOptions, ...settings, types };
    const project = `tsconfig.${resolution}.json`;
    await app.write(project, JSON.stringify({ compilerOptions, files: [source, 'entries.ts'] }));
    for (const { name, path } of compilers)
      try {
        await run(process.execPath, [path, '-p', project], { cwd: app.folder });
      } catch (error) {
        faults.push(`${name}, ${resolution}: ${error.message}`);
      }
  }
  return faults;
}

/**
 * Runs an example as a module. An example that reads `PORT` is a server: it works if it accepts requests. Every other one must end by
 * itself.
 */
export async function runExample(app, { language, code }) {
  if (language === 'js') await app.write('example.js', code);
  const file = language === 'js' ? 'example.js' : 'compiled/example.js';
  try {
    if (!code.includes("process.env['PORT']")) await app.run('node', [file]);
    else await runServer(app, file);
    return [];
  } catch (error) {
    return [`the README's example does not run: ${error.message}`];
  }
}

async function runServer(app, file) {
  const port = await freePort();
  const server = app.start('node', [file], { PORT: String(port) });
  try {
    await answerOf(`http://127.0.0.1:${port}/`, server);
  } finally {
    await server.close();
  }
}

/** Asks a server until it answers. */
async function answerOf(url, server) {
  const deadlineMs = Date.now() + 60_000;
  for (;;) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (server.hasEnded || Date.now() > deadlineMs) throw error;
      await setTimeout(50);
    }
  }
}

/** Imports every entry point of a package. An entry point that needs an optional package is left out; the others are returned. */
export async function importEntries(app, manifest) {
  const optional = Object.keys(manifest.peerDependenciesMeta ?? {});
  const specifiers = Object.keys(manifest.exports)
    .filter((entry) => !entry.endsWith('.json'))
    .map((entry) => `${manifest.name}${entry.slice(1)}`);
  const imported = [];
  const faults = [];
  for (const specifier of specifiers) {
    try {
      await app.run('node', ['--input-type=module', '--eval', `await import('${specifier}')`]);
      imported.push(specifier);
    } catch (error) {
      if (!optional.some((peer) => error.message.includes(`'${peer}'`)))
        faults.push(`${specifier} cannot be imported: ${error.message}`);
    }
  }
  return { imported, faults };
}
