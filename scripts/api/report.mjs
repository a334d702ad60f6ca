// Reads API reports: which exports they have, how each is labelled, and what changed between two of them. Pure.

/** Labels of exports by the tag in their doc comment. API Extractor calls an experimental export `@beta`. */
export const LABELS = { public: 'stable', beta: 'experimental', internal: 'internal' };

/** Returns the declarations of a report by name, as `{ name, label, isExported, text }`. Overloads are one declaration. */
export function declarationsOf(report) {
  const [, code = ''] = /```ts\n(.*)\n```/s.exec(report) ?? [];
  const found = new Map();
  for (const part of code.split(/\n(?=\/\/ @(?:public|beta|internal))/).slice(1)) {
    const [, tag] = /^\/\/ @(\w+)/.exec(part);
    const text = part.replace(/\n\n(?:\/\/ \(No @package|export \{).*$/s, '').trimEnd();
    const [, exported = '', name] =
      /^(export )?(?:declare |abstract )*(?:class|const|enum|function|interface|let|namespace|type) (\w+)/m.exec(
        text,
      ) ?? [];
    if (name === undefined) throw new Error(`An API report has a declaration without a name:\n${text}`);
    const earlier = found.get(name);
    found.set(name, {
      name,
      label: LABELS[tag],
      isExported: exported !== '',
      text: earlier === undefined ? text : `${earlier.text}\n${text}`,
    });
  }
  return found;
}

/** Returns the names whose declaration was added, removed or changed, in alphabetical order. */
export function changedNames(before, after) {
  const [old, present] = [declarationsOf(before), declarationsOf(after)];
  return [...new Set([...old.keys(), ...present.keys()])]
    .filter((name) => old.get(name)?.text !== present.get(name)?.text)
    .sort((one, other) => (one < other ? -1 : 1));
}

/** Returns the text of all changesets that name a package. */
export function changesetTextOf(changesets, name) {
  return changesets
    .filter((text) => text.split('---')[1]?.includes(`'${name}'`))
    .map((text) => text.split('---').slice(2).join('---'))
    .join('\n');
}

/** Returns those names that the text does not contain as a word in backticks. */
export function unnamed(names, text) {
  const words = new Set([...text.matchAll(/`([^`]+)`/g)].flatMap(([, code]) => code.match(/\w+/g) ?? []));
  return names.filter((name) => !words.has(name));
}

/** Returns the list of stable exports, one line for each package, and the number of experimental ones. */
export function stableTable(reports) {
  const rows = reports.map(({ title, text }) => {
    const exported = [...declarationsOf(text).values()].filter(({ isExported }) => isExported);
    const stable = exported.filter(({ label }) => label === 'stable').map(({ name }) => `\`${name}\``);
    const experimental = exported.filter(({ label }) => label === 'experimental').length;
    return `| \`${title}\` | ${stable.join(', ') || 'none'} | ${experimental} |`;
  });
  return ['| entry point | stable | experimental |', '|---|---|--:|', ...rows].join('\n');
}
