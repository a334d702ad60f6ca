// `npx changeset version` writes the entries of a CHANGELOG by this: each changeset's text as it stands, and in one line the versions that
// a package needs of the others. Named in .changeset/config.json.

/** The text of a changeset as an item of a list. */
async function getReleaseLine({ summary }) {
  return `- ${summary.trim().replaceAll('\n', '\n  ')}`;
}

/** @param dependencies packages of this repository, with the version that is needed from now on */
async function getDependencyReleaseLine(_changesets, dependencies) {
  if (dependencies.length === 0) return '';
  const needed = dependencies.map(({ name, newVersion }) => `\`${name}\` ${newVersion}`);
  return `- Needs ${needed.join(', ')}.`;
}

export default { getReleaseLine, getDependencyReleaseLine };
