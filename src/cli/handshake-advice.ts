/**
 * What an answer that is no 101 means, and what to do about it.
 *
 * In: the answer. Out: words. It does not know how the answer was got.
 */
import type { HandshakeAnswer } from './web-client.ts';

const BEHIND_PROXY =
  'A proxy in front does not pass the upgrade on. nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; (docs/deployment.md).';

/** Returns what came, and what to do. */
export function adviceFor({ status, headers, body }: HandshakeAnswer, origin: string): { came: string; toDo: string } {
  const server = headers.get('server');
  const came = `${status}${server === undefined ? '' : ` from ${server}`}${body === '' ? '' : `: ${firstLine(body)}`}`;
  return { came, toDo: advise(status, headers, body, origin) };
}

function advise(status: number, headers: ReadonlyMap<string, string>, body: string, origin: string): string {
  if (/real IP address/.test(body)) {
    return 'The proxy does not say who the client is: set X-Forwarded-For there, and <websocket proxyheader> to the field that it sets.';
  }
  if (status === 403) return `Add <wsorigin allow="${origin}">, or try --origin with the page that may connect.`;
  if (status === 429) return 'This address has too many connections: raise <limits> or wait.';
  if (status === 503) return 'The IRC server behind the gateway does not answer: ircd-websocket gateway --config FILE --probe.';
  if (status === 502 || status === 504)
    return 'The proxy does not reach the gateway: is it started, and is its address the one in the proxy?';
  if (status === 404) return 'The proxy has no such path: compare the path of the URL with its location.';
  if (status >= 300 && status < 400) {
    return `Browsers do not follow redirects of WebSockets: use ${headers.get('location') ?? 'the address that it names'} itself.`;
  }
  if (status === 505 || status === 501 || status === 426 || status === 400) return BEHIND_PROXY;
  if (status === 200) return `This is a web page. ${BEHIND_PROXY}`;
  if (status === 401 || status === 407) return 'The server asks for a password, and browsers send none with WebSockets.';
  return 'Read the log of the proxy and of the gateway.';
}

function firstLine(body: string): string {
  return body
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 120);
}
