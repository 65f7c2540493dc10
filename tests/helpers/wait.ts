/**
 * How long a test waits for something that must come, in milliseconds.
 *
 * It only finds what never comes: no test may depend on how fast the machine is. Seen: on two cores with fourteen busy processes, a step of three seconds took
 * twenty.
 */
export const WAIT_LIMIT = 60_000;
