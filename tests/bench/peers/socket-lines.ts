/** Lines over anything in the shape of a `net.Socket`, as an IRC server that was written for one does it: the same code for plain TCP and the stream face. */
import type { Socket } from 'node:net';
import type { App, BenchClient } from './peer.ts';

/** A client behind a socket. */
export class SocketClient implements BenchClient {
  readonly socket: Socket;
  /** What came behind the last LF. */
  rest = '';

  constructor(socket: Socket) {
    this.socket = socket;
  }

  get address(): string | undefined {
    return this.socket.remoteAddress;
  }

  send(line: string): void {
    this.socket.write(`${line}\r\n`);
  }
}

/** Reads lines from a socket. */
export function serveSocket(socket: Socket, app: App): void {
  const client = new SocketClient(socket);
  socket.setEncoding('utf8');
  socket.on('data', (data: unknown) => {
    const text = client.rest === '' ? (data as string) : client.rest + (data as string);
    let start = 0;
    for (let lf = text.indexOf('\n'); lf !== -1; lf = text.indexOf('\n', start)) {
      const end = text.charCodeAt(lf - 1) === 13 ? lf - 1 : lf;
      if (end > start) app.line(client, text.slice(start, end));
      start = lf + 1;
    }
    client.rest = text.slice(start);
  });
  socket.on('error', () => {});
  socket.on('close', () => app.closed(client));
  app.opened(client);
}
