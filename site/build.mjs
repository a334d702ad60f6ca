// Builds the site into dist/. With `dev`, serves it and follows changes of the pages.
import { existsSync, watch } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkSite } from './lib/check-site.mjs';
import { prepare } from './lib/prepare.mjs';
import { repository } from './lib/sources.mjs';

const root = fileURLToPath(new URL('.', import.meta.url));
if (!existsSync(new URL('node_modules/vitepress', import.meta.url))) {
  console.error('site: its dependencies are missing. Run: npm ci --prefix site');
  process.exit(1);
}
const { build, createServer } = await import('vitepress');

prepare();
if (process.argv[2] === 'dev') await serve();
else {
  await build(root);
  const { pages, links } = checkSite();
  console.log(`site: ${pages} pages, ${links} links, all of them lead somewhere: site/dist`);
}

async function serve() {
  const server = await createServer(root, { port: 4480, host: '127.0.0.1' });
  await server.listen();
  server.printUrls();
  let waiting;
  watch(`${repository}docs`, { recursive: true }, () => {
    clearTimeout(waiting);
    waiting = setTimeout(update, 100);
  });
}

/** A dead link is reported, and the site stays as it was until it is corrected. */
function update() {
  try {
    prepare();
  } catch (error) {
    console.error(error.message);
  }
}
