// The files that users copy to deploy a gateway: they name settings that exist, and leave a gateway the time that its stop takes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { VARIABLE_NAMES } from '../../src/settings/environment-names.js';
import { DEFAULTS } from '../../src/settings/options.js';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));
const read = (path: string): string => readFileSync(join(repository, path), 'utf8');

const files = [
  'Dockerfile',
  'compose.yaml',
  'deploy/helm/millrace/templates/deployment.yaml',
  'deploy/helm/millrace/values.yaml',
  'deploy/kubernetes/millrace.yaml',
  'deploy/systemd/millrace.service',
  'deploy/nginx/nginx.conf',
  'deploy/haproxy/haproxy.cfg',
  'docs/deploy.md',
];

it.each(files)('%s names only settings that exist', (file) => {
  const named = read(file).match(/\bMILLRACE_[A-Z_]*[A-Z]\b/g) ?? [];
  expect(named.filter((name) => !VARIABLE_NAMES.includes(name))).toEqual([]);
});

it('the stop of a gateway takes less time by default than compose and systemd allow', () => {
  const stopSeconds = (DEFAULTS.drainMs + DEFAULTS.shutdownTimeoutMs) / 1_000;
  const compose = parse(read('compose.yaml'), { merge: true });
  for (const name of ['gateway-1', 'gateway-2'])
    expect(Number.parseInt(compose.services[name].stop_grace_period, 10)).toBeGreaterThan(stopSeconds);
  const [, seconds] = /^TimeoutStopSec=(\d+)$/m.exec(read('deploy/systemd/millrace.service')) ?? [];
  expect(Number(seconds)).toBeGreaterThan(stopSeconds);
});

it('every gateway of compose has an address of its own, and secrets come from files', () => {
  const { services, secrets } = parse(read('compose.yaml'), { merge: true });
  for (const name of ['gateway-1', 'gateway-2']) {
    const { environment } = services[name];
    expect(environment.MILLRACE_INSTANCE_URL).toBe(`http://${name}:4400`);
    for (const secret of services[name].secrets) {
      expect(secrets).toHaveProperty(secret);
      expect(Object.values(environment)).toContain(`/run/secrets/${secret}`);
    }
  }
});

it('the Helm chart has the version of the packages', () => {
  const { version } = JSON.parse(read('packages/contract/package.json')) as { readonly version: string };
  expect(parse(read('deploy/helm/millrace/Chart.yaml'))).toMatchObject({ version, appVersion: version });
});

describe('the manifest for Kubernetes', () => {
  const documents = parseAllDocuments(read('deploy/kubernetes/millrace.yaml')).map((each) => each.toJS());
  const deployment = documents.find(({ kind }) => kind === 'Deployment').spec;
  const pod = deployment.template.spec;
  const [container] = pod.containers;
  const valueOf = (variable: string): string =>
    container.env.find(({ name }: { readonly name: string }) => name === variable).value;

  it('the manifest gives a pod time for preStop, drain and stop', () => {
    const preStopSeconds = Number(container.lifecycle.preStop.exec.command[1]);
    const stopMs = Number(valueOf('MILLRACE_DRAIN_MS')) + Number(valueOf('MILLRACE_SHUTDOWN_TIMEOUT_MS'));
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(preStopSeconds + stopMs / 1_000);
    // A pod that is about to end still gets new clients until every proxy knows that it ends.
    expect(preStopSeconds).toBeGreaterThan(0);
  });

  it('the probes ask the admin port, and a missing Redis restarts no pod', () => {
    const { startupProbe, livenessProbe, readinessProbe, ports } = container;
    for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe])
      expect(httpGet.port).toBe('admin');
    expect([livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path)).toEqual([
      '/healthz',
      '/readyz',
    ]);
    const admin = ports.find(({ name }: { readonly name: string }) => name === 'admin').containerPort;
    expect(String(admin)).toBe(valueOf('MILLRACE_ADMIN_PORT'));
  });

  it('a pod runs without root, without a writable file system and without sticky sessions', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(deployment.replicas).toBeGreaterThan(1);
    expect(valueOf('MILLRACE_INSTANCE_URL')).toBe('http://$(POD_IP):4400');
    expect(documents.find(({ kind }) => kind === 'Service').spec).not.toHaveProperty('sessionAffinity');
    expect(documents.map(({ kind }) => kind)).toContain('PodDisruptionBudget');
  });

  it('every secret is a file of the mounted Secret', () => {
    const [mount] = container.volumeMounts;
    expect(mount).toMatchObject({ readOnly: true });
    const fileNames = container.env.filter(({ name }: { readonly name: string }) => name.endsWith('_FILE'));
    expect(fileNames.length).toBeGreaterThan(3);
    for (const { name, value } of fileNames)
      expect(value).toBe(`${mount.mountPath}/${name.replace(/_FILE$/, '')}`);
  });
});

const canVerify = spawnSync('systemd-analyze', ['--version']).status === 0;

it.runIf(canVerify)('systemd accepts the unit and rates it as well protected', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-unit-'));
  try {
    const unit = join(folder, 'millrace.service');
    // This machine may have its Node elsewhere.
    writeFileSync(unit, read('deploy/systemd/millrace.service').replace('/usr/bin/node', process.execPath));
    const analyze = (...args: readonly string[]) =>
      spawnSync('systemd-analyze', [...args, unit], { encoding: 'utf8' });
    expect(analyze('verify')).toMatchObject({ status: 0, stderr: '' });
    // The exposure is 1.4 of 10; systemd calls everything below 2 safe.
    expect(analyze('security', '--offline=true', '--threshold=20').status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
