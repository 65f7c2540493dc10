/**
 * uWebSockets.js, native code, where its binary runs: it is in no registry under its own name and asks for a recent C library, so it is nobody's dependency.
 *
 * `UWS_MODULE` names what to import: a package or a path.
 */
import type { App, BenchClient, Certificate, Peer } from './peer.ts';

/** What is used of uWebSockets.js. */
interface UwsSocket {
  getRemoteAddressAsText(): ArrayBuffer;
  send(message: string, isBinary: boolean, compress: boolean): number;
  subscribe(topic: string): boolean;
  getUserData(): { client: UwsClient };
}
interface UwsApp {
  ws(pattern: string, behaviour: object): UwsApp;
  listen(host: string, port: number, callback: (token: unknown) => void): UwsApp;
  publish(topic: string, message: string, isBinary: boolean, compress: boolean): boolean;
}
interface Uws {
  App(): UwsApp;
  SSLApp(options: { readonly key_file_name: string; readonly cert_file_name: string }): UwsApp;
  us_socket_local_port(token: unknown): number;
}

const EVERYBODY = 'everybody';

class UwsClient implements BenchClient {
  readonly socket: UwsSocket;

  constructor(socket: UwsSocket) {
    this.socket = socket;
  }

  get address(): string {
    return Buffer.from(this.socket.getRemoteAddressAsText()).toString();
  }

  send(line: string): void {
    this.socket.send(line, false, false);
  }
}

let server: UwsApp;

async function load(): Promise<Uws> {
  const module = (await import(process.env['UWS_MODULE'] ?? 'uWebSockets.js')) as { default?: Uws } & Uws;
  return module.default ?? module;
}

export const peer: Peer = {
  async listen(app: App, certificate?: Certificate) {
    const uws = await load();
    const made =
      certificate === undefined
        ? uws.App()
        : uws.SSLApp({ key_file_name: certificate.keyFile, cert_file_name: certificate.certFile });
    server = made.ws('/*', {
      compression: 0,
      maxPayloadLength: 65_536,
      maxBackpressure: 16 * 1024 * 1024,
      open(socket: UwsSocket) {
        const client = new UwsClient(socket);
        socket.getUserData().client = client;
        socket.subscribe(EVERYBODY);
        app.opened(client);
      },
      message(socket: UwsSocket, message: ArrayBuffer) {
        app.line(socket.getUserData().client, Buffer.from(message).toString());
      },
      close(socket: UwsSocket) {
        app.closed(socket.getUserData().client);
      },
    });
    return new Promise((resolve, reject) => {
      server.listen('127.0.0.1', 0, (token) => {
        if (token) resolve(uws.us_socket_local_port(token));
        else reject(new Error('uWebSockets does not listen'));
      });
    });
  },
  // Its own publish-subscribe: much cheaper than a send each.
  broadcast(_clients, line) {
    server.publish(EVERYBODY, line, false, false);
  },
};
