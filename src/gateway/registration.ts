/**
 * What a client says until it is registered: PASS, NICK and USER, as the operator wants them.
 *
 * In: lines of a client, one character a byte. Out: the lines that go to the IRC server in their place. It does not know sockets.
 */
import { asRealname, asUsername, fillTemplate, type GatewayUsers, type Identity } from './identity.ts';

/** Rewrites the beginning of what a client sends. */
export class Registration {
  readonly #identity: Identity;
  readonly #users: GatewayUsers;
  readonly #hasPass: boolean;
  #nick = '';
  /** A USER that waits for the nick which is to stand in it. */
  #waiting: string | null = null;

  /** @param hasPass whether the gateway has sent the server's password: the client's own PASS would replace it */
  constructor(identity: Identity, users: GatewayUsers, hasPass: boolean) {
    this.#identity = identity;
    this.#users = users;
    this.#hasPass = hasPass;
  }

  /** Returns the lines to send in place of this one. */
  rewrite(line: string): readonly string[] {
    const [, command = '', rest = ''] = /^\s*([a-z]+)(?: +(.*))?$/is.exec(line) ?? [];
    switch (command.toUpperCase()) {
      case 'PASS':
        return this.#hasPass ? [] : [line];
      case 'NICK': {
        this.#nick = rest.replace(/^:/, '').split(' ')[0] as string;
        const waiting = this.#waiting;
        this.#waiting = null;
        return waiting === null ? [line] : [line, this.#user(waiting)];
      }
      case 'USER': {
        const { username = '', realname = '' } = this.#users;
        if (username === '' && realname === '') return [line];
        if (this.#nick === '' && `${username}${realname}`.includes('%n')) {
          this.#waiting = rest;
          return [];
        }
        return [this.#user(rest)];
      }
      default:
        return [line];
    }
  }

  /** `USER username mode unused :real name`, with what the templates replace. */
  #user(params: string): string {
    const [own = 'web', mode = '0', unused = '*'] = params.split(' ').filter((param) => param !== '');
    const { username, realname } = this.#users;
    const name = username === undefined ? own : asUsername(this.#fill(username));
    return `USER ${name} ${mode} ${unused} :${realname === undefined ? ownRealname(params) : asRealname(this.#fill(realname))}`;
  }

  #fill(template: string): string {
    return fillTemplate(template, this.#identity, this.#nick);
  }
}

/** Returns the fourth parameter: behind ` :`, or the fourth word. */
function ownRealname(params: string): string {
  const last = ` ${params}`.indexOf(' :');
  return last === -1 ? (params.split(' ').filter((param) => param !== '')[3] ?? '') : params.slice(last + 1);
}
