/**
 * `gateway --explain`: what each check says to a request.
 *
 * In: an HTTP request as text, and the address that it comes from. Out: a report for each `<websocket>`. Nobody is connected.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { createIrcGateway, type IrcGateway } from '../gateway/index.ts';
import type { Output } from './gateway-command.ts';
import type { GatewaySettings } from './gateway-config.ts';

/** Resolves with the exit code: 0 where each `<websocket>` would let the request in. */
export async function explainRequest(
  settings: GatewaySettings,
  peer: string,
  { stdin, stdout, stderr }: Output,
): Promise<number> {
  let text = '';
  for await (const chunk of stdin) text += chunk.toString();
  const request = await parseRequest(asRequest(text), peer);
  if (typeof request === 'string') {
    stderr(`this is not an HTTP request: ${request}\n`);
    return 1;
  }
  let isIn = true;
  for (const [name, hook] of Object.entries(settings.hooks)) {
    const gateway: IrcGateway = createIrcGateway({ hook, upstreams: settings.upstreams });
    const report = gateway.hook.explain(request);
    isIn &&= report.error === null;
    stdout(`${name === '' ? '' : `<websocket name=${JSON.stringify(name)}>\n`}${report.toString()}\n`);
  }
  return isIn ? 0 : 1;
}

/** A file that somebody has typed has LF for CR LF, and perhaps no empty line at its end. */
function asRequest(text: string): string {
  const lines = text.split(/\r?\n/);
  const end = lines.indexOf('');
  return `${(end === -1 ? lines : lines.slice(0, end)).join('\r\n')}\r\n\r\n`;
}

/** Has Node's own parser read it; a text says why it could not. */
function parseRequest(text: string, peer: string): Promise<IncomingMessage | string> {
  return new Promise((resolve) => {
    const server = createServer((request) => resolve(request));
    server.on('upgrade', (request) => resolve(request));
    server.on('clientError', (error) => resolve(error.message));
    server.emit('connection', new PretendedSocket(text, peer));
  });
}

/** A connection that has sent the request. */
class PretendedSocket extends Duplex {
  readonly remoteAddress: string;
  readonly remotePort: number = 0;
  readonly localAddress: string = '127.0.0.1';

  constructor(text: string, peer: string) {
    super({ read: () => {}, write: (_chunk, _encoding, callback) => callback() });
    this.remoteAddress = peer;
    this.push(text, 'latin1');
  }

  setTimeout(): this {
    return this;
  }
}
