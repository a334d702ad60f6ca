// Writes the public declarations of each entry point of the published packages as text, with API Extractor, from the built `.d.ts` files.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { packageFolders } from '../pack.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Returns every entry point: its package, the name of its report, and its declaration file. */
function entryPoints() {
  return packageFolders.flatMap((folder) => {
    const manifest = JSON.parse(readFileSync(join(repository, folder, 'package.json'), 'utf8'));
    return Object.entries(manifest.exports)
      .filter(([, target]) => target.types !== undefined)
      .map(([entry, { types }]) => ({
        folder: join(repository, folder),
        package: manifest.name,
        report: `${manifest.name.slice('@millrace/'.length)}${entry.slice(1).replace('/', '.')}.api.md`,
        file: join(repository, folder, types),
      }));
  });
}

/** Returns the report of each entry point, and a line for each rule that its tags break. */
export function extractReports() {
  const temporary = mkdtempSync(join(tmpdir(), 'millrace-api-'));
  try {
    const entries = entryPoints();
    const configurations = entries.map((entry) => configurationOf(entry, temporary));
    // All entry points share one program, because reading the declarations takes most of the time.
    const [first, ...others] = configurations;
    const additionalEntryPoints = others.map(({ mainEntryPointFilePath }) => mainEntryPointFilePath);
    const compilerState = CompilerState.create(first, { additionalEntryPoints });
    return entries.map((entry, index) => {
      const messages = extract(configurations[index], compilerState);
      const text = readFileSync(join(temporary, entry.report), 'utf8');
      return { ...entry, text, faults: faultsIn(messages, text) };
    });
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/** Rules of API Extractor that must hold. Its other rules are about comments, and the linter has those. */
const RULES = new Set([
  'ae-missing-release-tag',
  'ae-incompatible-release-tags',
  'ae-different-release-tags',
  'ae-extra-release-tag',
]);

function extract(configuration, compilerState) {
  const messages = [];
  Extractor.invoke(configuration, {
    localBuild: true,
    compilerState,
    messageCallback(message) {
      message.handled = true;
      if (RULES.has(message.messageId) || message.logLevel === ExtractorLogLevel.Error)
        messages.push(message);
    },
  });
  return messages;
}

/** A declaration that is not exported needs no tag: its users are those of the export that names it. */
function faultsIn(messages, text) {
  return messages
    .filter(({ text: message }) => {
      const [, name] = /^(?:The symbol )?"(\w+)/.exec(message) ?? [];
      return name === undefined || new RegExp(`^export (?:abstract )?\\w+ ${name}\\b`, 'm').test(text);
    })
    .map(({ sourceFilePath = '', sourceFileLine, text: message, messageId }) => ({
      file: relative(repository, sourceFilePath),
      line: sourceFileLine,
      rule: messageId,
      text: message,
    }));
}

function configurationOf({ folder, file, report }, temporary) {
  const warning = { default: { logLevel: ExtractorLogLevel.Warning, addToApiReportFile: false } };
  return ExtractorConfig.prepare({
    configObjectFullPath: join(folder, 'api-extractor.json'),
    packageJsonFullPath: join(folder, 'package.json'),
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: file,
      newlineKind: 'lf',
      compiler: { overrideTsconfig: { compilerOptions, files: [file] } },
      apiReport: {
        enabled: true,
        reportFolder: temporary,
        reportTempFolder: temporary,
        reportFileName: report,
        // Types that an export names but that are not exported are part of it. Those of a further entry point are in the report
        // of the first one.
        includeForgottenExports: report === `${report.split('.')[0]}.api.md`,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        extractorMessageReporting: warning,
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  });
}

const compilerOptions = {
  module: 'nodenext',
  moduleResolution: 'nodenext',
  target: 'es2022',
  lib: ['es2023', 'dom', 'esnext.disposable'],
  strict: true,
  skipLibCheck: true,
  types: ['node'],
  typeRoots: [join(repository, 'node_modules/@types')],
};
