/**
 * What an IRC server's ERROR says: that this user has to go, or that the server itself goes down.
 *
 * In: a line of the server. Out: which of the two. It does not know connections.
 *
 * Web clients take ERROR as final and do not come back (gamja). A user that was killed or banned must read it. A user that
 * is only in the way of a restart must come back, and gets the Close frame alone.
 */

/**
 * `ERROR :reason`, `ERROR :Closing link: (user@host) [reason]` (InspIRCd), `ERROR :Closing Link: host (reason)` (Solanum,
 * UnrealIRCd).
 */
const ERROR = /^(?::\S+ +)?ERROR +:?(?:Closing link:? \S+ [[(])?/i;

/**
 * Seen: InspIRCd "Server shutting down"; ngIRCd "Server going down", "Server going down (restarting)"; Solanum "Server
 * Terminating. …", "Server Restarting. …". InspIRCd's operators: "*** DIE command from …", "*** RESTART command from …". The
 * phrase must begin the reason: "Killed (… (server going down))" and "Quit: server shutting down" are somebody's own words.
 */
const GOING_DOWN =
  /^(?:\*\*\* (?:DIE|RESTART) command|(?:the |this )?server (?:is )?(?:going down|shutting down|shut ?down|terminat(?:ing|ed)|restart(?:ing|ed)?)\b)/i;

/** Returns whether a line is ERROR. */
export function isError(line: string): boolean {
  return ERROR.test(line);
}

/** Returns whether an ERROR says that the server itself goes down. */
export function isGoingDown(line: string): boolean {
  const beginning = ERROR.exec(line)?.[0];
  return beginning !== undefined && GOING_DOWN.test(line.slice(beginning.length));
}
