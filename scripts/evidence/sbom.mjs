// Writes the software bill of materials of the published packages with `npm sbom` (CycloneDX), from the lock file alone. The
// output is the same on every run and machine. It contains no download addresses.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { productionProject } from './production-lock.mjs';

/** Returns the SBOM as a value. @throws Error if npm finds that the lock file does not fit the packages */
export function softwareBillOfMaterials(lock, folders, version) {
  const project = productionProject(lock, folders, version);
  const outer = mkdtempSync(join(tmpdir(), 'millrace-sbom-'));
  // npm names the root component after its folder.
  const folder = join(outer, 'millrace');
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), JSON.stringify(project.root));
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(project.lock));
    const args = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx', '--offline'];
    return tidy(JSON.parse(execFileSync('npm', args, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 26 })));
  } finally {
    rmSync(outer, { recursive: true });
  }
}

/** Removes the fields that change with each run, and the fields that an SBOM does not need. */
function tidy(sbom) {
  const { $schema, bomFormat, specVersion, version, metadata, components, dependencies } = sbom;
  const byRef = (one, other) => (one < other ? -1 : 1);
  return {
    $schema,
    bomFormat,
    specVersion,
    version,
    metadata: { lifecycles: metadata.lifecycles, component: tidyComponent(metadata.component) },
    components: components.map(tidyComponent).sort((one, other) => byRef(one['bom-ref'], other['bom-ref'])),
    dependencies: dependencies
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: [...dependsOn].sort(byRef) }))
      .sort((one, other) => byRef(one.ref, other.ref)),
  };
}

function tidyComponent({ type, name, version, scope, purl, hashes, licenses, 'bom-ref': ref }) {
  return { 'bom-ref': ref, type, name, version, scope, purl, hashes, licenses };
}
