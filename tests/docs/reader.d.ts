/** What stands for the reader's own program in the blocks of the documentation. */
import type { PathLike } from 'node:fs';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type * as netModule from 'node:net';
import type { Server, Socket } from 'node:net';
import type {
  IrcClient,
  IrcSocket,
  Webirc,
  WebircAccepted,
  WebircPeer,
  WebircState,
  WebSocketConfig,
  WebSocketHook,
} from '../../src/index.ts';

declare global {
  // The reader's server.
  const ircServer: { accept(socket: Socket): void; handle(client: object, line: string): void; tellOpers(text: string): void };
  const myIrcServer: typeof ircServer;
  const server: HttpServer & typeof ircServer;
  const httpServer: HttpServer;
  const listener: Server;
  const classOfYours: Server;
  const IRC: { readonly Client: new () => { connect(options: object): void } };
  const registry: Map<string, unknown>;
  const myHooks: Map<string, unknown>;
  const net: typeof netModule;
  const cert: string;
  const key: string;
  const password: string;
  const line: string;
  const text: string;
  const peer: WebircPeer;
  const state: WebircState;
  const webirc: Webirc;
  const hook: WebSocketHook;
  const socket: IrcSocket;
  const request: IncomingMessage;
  const channel: { readonly sockets: readonly Socket[]; readonly members: readonly IrcClient[] };
  const user: { setAway(reason: string): void };
  const bans: ReadonlySet<string>;
  const client: {
    readonly id: string;
    readonly confirmedHostname: string;
    readonly hasSentAnything: boolean;
    readonly hasGatewayAddress: boolean;
    username: string;
    close(reason: string): void;
    takeAddress(verdict: WebircAccepted): void;
  };
  function serveFile(request: IncomingMessage, response: ServerResponse): void;
  function readConfig(): WebSocketConfig;
  function readFileSync(path: PathLike, encoding: 'utf8'): string;
  /** Whatever a server keeps of a client. */
  class YourClient {
    readonly socket: Socket;
    readonly isGone: boolean;
    readonly peer: WebircPeer;
    readonly state: WebircState;
    handle(line: string): void;
    close(reason: string): void;
    takeAddress(verdict: WebircAccepted): void;
  }
}
