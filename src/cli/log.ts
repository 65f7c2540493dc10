/**
 * The log: one line each on standard error, as text or as JSON.
 *
 * In: what happened. Out: a line. It does not know what is worth a line, nor secrets: nobody hands it one.
 *
 * What anybody can cause without being let in is bounded: a flood of refused requests must not fill a disk. How many lines were
 * left out is logged.
 */
import type { GatewayEvent } from '../gateway/index.ts';

/** How much is logged: this level and those behind it. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** How a log is written. */
export interface LogOptions {
  readonly level?: LogLevel;
  readonly format?: LogFormat;
  /** Which process this is, where there are several. */
  readonly process?: string;
}

/** A line is cut here: much of it is what others said. */
const MAX_LINE_SIZE = 1_000;
/** The report of every check of a refused request is longer. */
const MAX_DEBUG_SIZE = 8_000;

/** Lines of one event that may come at once, and a second in the long run. */
const BURST = 20;
const RATE = 2;
/** Milliseconds until it is logged how many lines were left out. */
const SUMMARY_DELAY = 10_000;

/** The events that anybody can cause. */
const BOUNDED: ReadonlySet<string> = new Set(['refused', 'unreachable', 'upstream', 'webirc', 'flood', 'listed']);

/** What is known of the lines of one event. */
interface Budget {
  tokens: number;
  filledAt: number;
  leftOut: number;
}

/** Writes lines. */
export class Log {
  readonly #write: (text: string) => void;
  readonly #options: Required<Omit<LogOptions, 'process'>> & Pick<LogOptions, 'process'>;
  readonly #budgets = new Map<string, Budget>();

  constructor(write: (text: string) => void, options: LogOptions = {}) {
    this.#write = write;
    this.#options = { level: 'info', format: 'text', ...options };
  }

  debug(message: string): void {
    this.#line('debug', message);
  }

  info(message: string): void {
    this.#line('info', message);
  }

  warn(message: string): void {
    this.#line('warn', message, 'warning: ');
  }

  error(message: string): void {
    this.#line('error', message);
  }

  /** Takes what a gateway tells. */
  readonly event = (happened: GatewayEvent): void => {
    const { level, event, fields } = happened;
    if (!this.#isWanted(level) || !this.#isWithinBudget(`${level} ${event}`, event)) return;
    // Some messages are made when they are asked for.
    this.#line(level, happened.message, '', { event, ...fields });
  };

  #isWanted(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.#options.level);
  }

  #isWithinBudget(key: string, event: string): boolean {
    if (!BOUNDED.has(event)) return true;
    const now = performance.now();
    const budget = this.#budgets.get(key) ?? { tokens: BURST, filledAt: now, leftOut: 0 };
    this.#budgets.set(key, budget);
    budget.tokens = Math.min(BURST, budget.tokens + ((now - budget.filledAt) / 1_000) * RATE);
    budget.filledAt = now;
    if (budget.tokens >= 1) {
      budget.tokens--;
      return true;
    }
    if (budget.leftOut++ === 0) setTimeout(() => this.#summarise(budget, event), SUMMARY_DELAY).unref();
    return false;
  }

  #summarise(budget: Budget, event: string): void {
    this.#line('warn', `${budget.leftOut} more lines like this were left out: ${event}`);
    budget.leftOut = 0;
  }

  #line(level: LogLevel, message: string, prefix = '', fields: Readonly<Record<string, unknown>> = {}): void {
    if (!this.#isWanted(level)) return;
    const { format, process } = this.#options;
    const time = new Date().toISOString();
    const size = level === 'debug' ? MAX_DEBUG_SIZE : MAX_LINE_SIZE;
    if (format === 'json') {
      const cut = message.slice(0, size);
      const line = JSON.stringify({ time, level, ...(process === undefined ? {} : { process }), message: cut, ...fields });
      // JSON leaves these two as they are, and some readers take them for line ends.
      this.#write(`${line.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}\n`);
    } else {
      const clean = printable(message.replaceAll('\n', level === 'debug' ? ' | ' : '\n')).slice(0, size);
      this.#write(`${time} ${process === undefined ? '' : `${process}: `}${prefix}${clean}\n`);
    }
  }
}

/** Replaces control characters by `?`, so that nobody can write a second line or colours. */
function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?');
}

/** Returns what went wrong, in one line. */
export function explain(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
