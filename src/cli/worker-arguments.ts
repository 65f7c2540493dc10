/**
 * The arguments of Node for a worker process.
 *
 * In: the primary's own, and `NODE_OPTIONS`. Out: arguments. It does not know what a worker does.
 */

/**
 * MiB of each half of V8's young generation. V8's own limit, 16 MiB, is reached by any burst of traffic, and both halves stay
 * resident from then on: 30 MiB of a process that hold nothing but garbage. docs/performance.md says what less of it costs.
 */
const SEMI_SPACE_SIZE = 2;

const SEMI_SPACE_OPTION = /^--m(?:ax|in)[-_]semi[-_]space[-_]size\b/;

/**
 * Returns Node's arguments for a worker: those of the primary, and a small young generation. An operator's own size of it stays.
 *
 * V8 reads this size once, when a process starts: `v8.setFlagsFromString` changes nothing, so the primary cannot do it for
 * itself.
 */
export function workerArguments(
  primary: readonly string[] = process.execArgv,
  nodeOptions: string = process.env['NODE_OPTIONS'] ?? '',
): string[] {
  const isGiven = [...primary, ...nodeOptions.split(/\s+/)].some((option) => SEMI_SPACE_OPTION.test(option));
  return isGiven ? [...primary] : [...primary, `--max-semi-space-size=${SEMI_SPACE_SIZE}`];
}
