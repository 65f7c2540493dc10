/**
 * WEBIRC: a gateway says who its user is.
 *
 * In: the command, and the judge that `main.ts` gave the server. Out: a client with another address, or none. While the judge
 * thinks (a password check takes a moment), the client's other input waits.
 */
import type { Client, GatewayUser } from '../client.ts';
import type { Command, IrcServer } from '../server.ts';

/** What a judge says. */
export type GatewayVerdict =
  | (GatewayUser & {
      readonly ok: true;
      /** For operators. */
      readonly notice: string;
      /** What takes the place of the digits, where the username told the address. */
      readonly username?: string;
    })
  | { readonly ok: false; readonly error: string; readonly notice: string };

/** What the judge is told of the connection. */
export interface GatewayClient {
  readonly peer: { readonly address: string; readonly secure: boolean };
  readonly registering: boolean;
  readonly rewritten: boolean;
}

/** Judges who may speak for others; `ircd-websocket`'s `createWebirc`, behind a few lines in `main.ts`. */
export interface GatewayJudge {
  webirc(params: readonly string[], client: GatewayClient): Promise<GatewayVerdict>;
  /** `null`: the username is just a username. */
  username(username: string, client: GatewayClient): GatewayVerdict | null;
}

export const webircCommands: Record<string, Command> = {
  WEBIRC: {
    isForStrangers: true,
    run(server, client, { params }) {
      client.hold();
      void server.gateways.webirc(params, client.asGatewayClient).then((verdict) => {
        if (client.isGone) return;
        carryOut(server, client, verdict);
        client.release();
      });
    },
  },
};

/** Asks whether the username is an address; `false` where that was the client's end. */
export function judgeUsername(server: IrcServer, client: Client): boolean {
  const verdict = server.gateways.username(client.user, client.asGatewayClient);
  return verdict === null || carryOut(server, client, verdict);
}

/** Sets the real address of the client, or ends it. Returns `false` where it ended. */
function carryOut(server: IrcServer, client: Client, verdict: GatewayVerdict): boolean {
  server.notifyOpers(`GATEWAY: ${verdict.notice}`);
  if (!verdict.ok) {
    client.close(verdict.error);
    return false;
  }
  client.become(verdict);
  if (verdict.username !== undefined) client.user = `~${verdict.username}`;
  // The bans apply to the user's own address from here on.
  return !server.refuseBanned(client);
}
