/**
 * Whether an IRC server has taken the gateway's word for who a client is.
 *
 * In: what the server sends. Out: its refusal, if it refuses. It does not know sockets.
 *
 * A good WEBIRC is answered by nothing at all, and not every server ends a connection whose WEBIRC was wrong: ngIRCd says 464 and goes on, with the gateway's
 * address for the user's. Such a client would be exempt from bans, or banned for all of them.
 */

/**
 * 464 wrong password; 421, 451 and 461 about WEBIRC: not known, too late, too few parameters. InspIRCd: `ERROR :Closing link: (…) [WEBIRC: you don't match any
 * configured WebIRC hosts.]`, for a wrong password and for a wrong mask.
 */
const REFUSAL = /^(?::\S+ )?(?:464 |(?:421|451|461) \S+ WEBIRC |ERROR .*[[(]WEBIRC: )/i;

/** From here on the client is somebody, and nothing more is to be found out. */
const WELCOME = /^(?::\S+ )?001 /;

/** Watches the beginning of a server's side. */
export class Introduction {
  #rest = '';
  #isOver = false;

  /** Takes what the server sent; the line by which it refuses, or `null`. */
  refusal(chunk: Buffer): string | null {
    if (this.#isOver) return null;
    const lines = (this.#rest + chunk.toString('latin1')).split('\n');
    // No line of a server is longer; a longer one is none of these.
    this.#rest = (lines.pop() as string).slice(0, 1_024);
    for (const line of lines) {
      if (REFUSAL.test(line)) return line.trim();
      if (WELCOME.test(line)) {
        this.#isOver = true;
        this.#rest = '';
        break;
      }
    }
    return null;
  }
}
