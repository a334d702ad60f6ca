// Checks the licences of all packages that users of the published packages and of the demo install. Each licence must allow
// use and redistribution together with MIT code. Pure.

/** SPDX identifiers of permissive licences. Their only condition is a notice. */
const allowed = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
  'Zlib',
]);
/** The SIL Open Font License allows bundling a font with any program. It is allowed for fonts only. */
const FONT_LICENCE = 'OFL-1.1';
const isFont = (name) => name.startsWith('@fontsource');

/** True when an SPDX expression offers at least one choice that consists of allowed licences only. */
export function isAllowed(expression, name = '') {
  if (typeof expression !== 'string') return false;
  const alternatives = expression.replace(/[()]/g, '').split(/ OR /i);
  return alternatives.some((alternative) =>
    alternative
      .split(/ AND /i)
      .every((licence) => allowed.has(licence.trim()) || (licence.trim() === FONT_LICENCE && isFont(name))),
  );
}

/** Returns a line for each package that names no licence, or one that is not allowed. */
export function refusedLicences(packages) {
  return packages
    .filter(({ name, licence }) => !isAllowed(licence, name))
    .map(({ name, version, licence }) => `${name} ${version}: ${licence ?? 'names no licence'}`);
}

/** Returns the table of licences with their packages. */
export function licenceTable(packages) {
  const byLicence = new Map();
  for (const { name, version, licence } of packages) {
    const names = byLicence.get(licence) ?? [];
    byLicence.set(licence, [...names, `${name} ${version}`]);
  }
  const byText = (one, other) => (one < other ? -1 : 1);
  const rows = [...byLicence]
    .sort(([one], [other]) => byText(one, other))
    .map(([licence, all]) => [licence, [...new Set(all)].sort(byText)])
    .map(([licence, names]) => `| ${licence} | ${names.length} | ${names.join(', ')} |`);
  return ['| licence | packages | |', '|---|---|---|', ...rows].join('\n');
}
