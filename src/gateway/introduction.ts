/**
 * Whether an IRC server has accepted what the gateway said of a client.
 *
 * In: what the server sends, and that the client has sent PASS. Out: the line by which the server refuses, if it does. It does
 * not know sockets.
 *
 * A good WEBIRC is answered by nothing at all, and not every server ends a connection whose WEBIRC was wrong: ngIRCd says 464 and
 * goes on, with the gateway's address for the user's. Such a client would be exempt from bans, or banned for all of them.
 */

/**
 * 421, 451 and 461 about WEBIRC: not known, too late, too few parameters. InspIRCd:
 * `ERROR :Closing link: (…) [WEBIRC: you don't match any configured WebIRC hosts.]`, for a wrong password and for a wrong mask.
 * UnrealIRCd: `ERROR :Closing Link: … (CGI:IRC -- No access)`.
 */
const REFUSAL = /^(?::\S+ )?(?:(?:421|451|461) \S+ WEBIRC |ERROR .*[[(](?:WEBIRC: |CGI:IRC -- ))/i;

/** A wrong password: that of WEBIRC, or that of PASS. */
const WRONG_PASSWORD = /^(?::\S+ )?464 /;

/** The client is registered, and nothing more is to be found out. */
const WELCOME = /^(?::\S+ )?001 /;

/** Watches the beginning of what a server sends. */
export class Introduction {
  #hasPass = false;
  /** A 464 that may have been the answer to PASS. */
  #doubtful: string | null = null;
  #isOver = false;

  /** Whether the client is registered. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Called when PASS goes to the server: a 464 may then be the answer to that. */
  passSent(): void {
    this.#hasPass = true;
  }

  /** Takes whole lines of the server; returns the line by which it refuses, or `null`. */
  refusal(text: string): string | null {
    if (this.#isOver) return null;
    for (const line of text.split('\n')) {
      if (REFUSAL.test(line)) return line.trim();
      if (WRONG_PASSWORD.test(line)) {
        if (!this.#hasPass) return line.trim();
        this.#doubtful = line.trim();
      } else if (WELCOME.test(line)) {
        this.#isOver = true;
        // A server welcomes nobody whose PASS was wrong: what it called wrong was WEBIRC.
        return this.#doubtful;
      }
    }
    return null;
  }
}
