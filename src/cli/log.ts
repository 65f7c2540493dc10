/**
 * The log: one line each on standard error, with the time.
 *
 * In: what happened. Out: a line. It does not know what is worth a line, nor secrets: nobody hands it one.
 */

/** Takes a line of the log. */
export type Log = (line: string) => void;

/** A line is cut here: much of it is what others said. */
const MAX_LINE_SIZE = 1_000;

/** Makes a log; control characters become `?`, so that nobody can write a second line or colours. */
export function createLog(write: (text: string) => void): Log {
  return (line) => {
    const clean = line.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?').slice(0, MAX_LINE_SIZE);
    write(`${new Date().toISOString()} ${clean}\n`);
  };
}

/** Says what went wrong, in one line. */
export function explain(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
