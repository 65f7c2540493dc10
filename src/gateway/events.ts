/**
 * What a gateway tells of its clients and IRC servers, one event each.
 *
 * It is only the shape; `gateway.ts` makes events, and programs write them where they like. No password is in one.
 */

/** Something that happened. */
export interface GatewayEvent {
  /** `debug`: only for whoever looks for a fault. `info`: clients come and go. `warn`: an operator may have to act. */
  readonly level: 'debug' | 'info' | 'warn';
  /**
   * `connect`, `disconnect`: a client. `refused`: a request. `unreachable`: no IRC server answered a client. `upstream`: one IRC
   * server did not. `suspend`, `resume`: a client has lost its connection, or has come back. `webirc`: an IRC server did not
   * accept WEBIRC. `flood`: a client sent too many lines. `listed`: an address is on a blocklist whose action is `mark`.
   */
  readonly event:
    | 'connect'
    | 'disconnect'
    | 'suspend'
    | 'resume'
    | 'refused'
    | 'unreachable'
    | 'upstream'
    | 'webirc'
    | 'flood'
    | 'listed';
  /** What happened, in one sentence. */
  readonly message: string;
  /** The same, for programs. */
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
}

/** What others said is cut to this. */
export const SAID_SIZE = 200;
