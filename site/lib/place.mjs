// Places of files on the site. `docs/access.md` becomes `access.md`, a README the index of its folder; everything that is not a page
// is below `files/`.

/** Returns the place of a page, relative to the root of the site. */
export function placeOfPage(file) {
  if (file === 'README.md') return 'project.md';
  const inSite = file.startsWith('docs/') ? file.slice('docs/'.length) : file;
  return inSite
    .replace(/(^|\/)README\.md$/, '$1index.md')
    .replace(/^(ARCHITECTURE|CONTRIBUTING|SECURITY)\.md$/, (name) =>
      name === 'SECURITY.md' ? 'security-policy.md' : name.toLowerCase(),
    );
}

/** Returns the place of a file that is not a page. With `.txt`, browsers show code as text, and VitePress does not treat it as a page. */
export function placeOfFile(file) {
  return `files/${file}${file.endsWith('.json') ? '' : '.txt'}`;
}
