// Serves the built pages from memory. Only files of a fixed list are served, so no path leads out of the folder. The pages
// must not load anything from other hosts.
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** A file, ready to be sent. */
interface WebFile {
  readonly body: Buffer;
  /** Absent if compression would not make the file smaller. */
  readonly gzipped?: Buffer;
  readonly contentType: string;
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

const contentSecurityPolicy = [
  // Sources that are not listed below are forbidden: frames, plug-ins, workers, other hosts.
  "default-src 'none'",
  // Inline scripts and `eval` are forbidden. A text therefore cannot run as a script, even if a page treats it as markup by
  // mistake.
  "script-src 'self'",
  // Inline styles are allowed, because the component library writes its theme into a style element.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const securityHeaders = {
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** The addresses that serve the page. The page chooses its view by the address. */
const pagePaths = ['/', '/agent', '/agent/:ticketId', '/requester', '/requester/:ticketId'];

/** The paths of programs. An unknown address among them gets the gateway's answer. */
const reservedPath = /^\/(?:api|assets|hubs|v1)(?:\/|$)/;

/**
 * Adds the routes of the pages.
 *
 * @throws Error if the pages are not built
 */
export function addWebPages(http: FastifyInstance, folder: string): void {
  const page = readPage(folder);
  for (const path of pagePaths) {
    http.get(path, (request, reply) => send(request, reply, page, 'no-store'));
  }
  // For any other address, a browser gets the page too, which says that there is nothing here and leads back.
  http.get('/*', (request, reply) => {
    const isForPeople = request.headers.accept?.includes('text/html') === true;
    if (!isForPeople || reservedPath.test(request.url)) return reply.callNotFound();
    return send(request, reply.code(404), page, 'no-store');
  });
  for (const name of assetNames(folder)) {
    const asset = readWebFile(join(folder, name));
    // The names of built files contain a hash of the content.
    http.get(`/${name}`, (request, reply) =>
      send(request, reply, asset, 'public, max-age=31536000, immutable'),
    );
  }
}

function readPage(folder: string): WebFile {
  try {
    return readWebFile(join(folder, 'index.html'));
  } catch (cause) {
    throw new Error(`The helpdesk's pages are not built (${folder}). Run \`npm run build\`.`, { cause });
  }
}

function assetNames(folder: string): readonly string[] {
  return readdirSync(join(folder, 'assets')).map((name) => `assets/${name}`);
}

function readWebFile(path: string): WebFile {
  const body = readFileSync(path);
  const gzipped = gzipSync(body);
  const file = { body, contentType: contentTypes[extname(path)] ?? 'application/octet-stream' };
  return gzipped.length < body.length * 0.9 ? { ...file, gzipped } : file;
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  file: WebFile,
  cacheControl: string,
): FastifyReply {
  void reply.headers({ ...securityHeaders, 'cache-control': cacheControl, vary: 'accept-encoding' });
  void reply.type(file.contentType);
  const acceptsGzip = request.headers['accept-encoding']?.includes('gzip') === true;
  if (file.gzipped === undefined || !acceptsGzip) return reply.send(file.body);
  return reply.header('content-encoding', 'gzip').send(file.gzipped);
}
