/**
 * The web client's files, over HTTP, from the same port as its WebSocket.
 *
 * In: a plain HTTP request. Out: one of a fixed list of files, read once: what is not on the list does not exist, so no path
 * leads anywhere else.
 */
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
} as const;

/**
 * Returns a listener that answers requests for the web client's files.
 *
 * @param folders where files are looked for, in order: the sources have the page and its style, the build has the scripts
 */
export function serveFiles(folders: readonly string[], names: readonly string[]): RequestListener {
  const files = new Map<string, { type: string; content: Buffer }>();
  for (const name of names) {
    const content = readFirst(folders, name);
    files.set(`/${name}`, { type: TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream', content });
  }
  const index = files.get('/index.html');
  if (index !== undefined) files.set('/', index);
  return (request, response) => {
    const file = files.get((request.url ?? '').split('?')[0] as string);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { ...HEADERS, Allow: 'GET, HEAD' }).end();
    } else if (file === undefined) {
      response.writeHead(404, { ...HEADERS, 'Content-Type': 'text/plain' }).end('Not found\n');
    } else {
      response.writeHead(200, { ...HEADERS, 'Content-Type': file.type, 'Content-Length': file.content.length }).end(file.content);
    }
  };
}

function readFirst(folders: readonly string[], name: string): Buffer {
  for (const folder of folders) {
    try {
      return readFileSync(join(folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`the web client's file ${name} is missing: was it built?`);
}
