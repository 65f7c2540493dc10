/**
 * The face of this folder for the others: the configuration of a hook, and the parts that other configurations are built with.
 */

export { type CompiledConfig, compileConfig, type ResolvedConfig } from './compile.ts';
export { ErrorList } from './error-list.ts';
export { configFromTags, webSocketNames } from './from-tags.ts';
export { type OptionRow, OptionTable } from './option-table.ts';
export { LONGEST_TIMER } from './options.ts';
export { suggestion } from './suggestion.ts';
export { formatDuration } from './units.ts';
export type { WebSocketConfig } from './web-socket-config.ts';
