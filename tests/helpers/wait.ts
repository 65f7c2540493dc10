/**
 * How long a test waits for something that must come, in milliseconds.
 *
 * It only finds what never comes: no test may say how fast a machine is. A machine with six other busy processes is still far below it.
 */
export const WAIT_LIMIT = 20_000;
