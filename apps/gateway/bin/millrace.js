#!/usr/bin/env node
// Checks the version of Node before anything is loaded that an old version cannot load.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `millrace: Node 20.19 or newer is needed, and this is ${process.versions.node}. Install it from nodejs.org or with your version manager, then run the command again.`,
  );
  process.exit(1);
}
await import('../dist/cli.js');
