// Formats the entries that `npx changeset version` writes into a CHANGELOG. The text of each changeset stays unchanged. One
// line lists the versions of the other packages that a package needs. `.changeset/config.json` names this file.

/** Returns the text of a changeset as a list item. */
async function getReleaseLine({ summary }) {
  return `- ${summary.trim().replaceAll('\n', '\n  ')}`;
}

/** @param dependencies the packages of this repository that the package needs, with their new versions */
async function getDependencyReleaseLine(_changesets, dependencies) {
  if (dependencies.length === 0) return '';
  const needed = dependencies.map(({ name, newVersion }) => `\`${name}\` ${newVersion}`);
  return `- Needs ${needed.join(', ')}.`;
}

export default { getReleaseLine, getDependencyReleaseLine };
