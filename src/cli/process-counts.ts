/**
 * Memory and delay of this process.
 *
 * In: nothing. Out: figures. It does not know gateways.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** Figures of one process. */
export interface ProcessCounts {
  /** `gateway`, `primary`, `worker 2`. */
  readonly process: string;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  /** Seconds by which the event loop was late since it was last asked, of which half, and 99 of 100, were less; and the most. */
  readonly eventLoopDelay: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** Milliseconds between two looks at the event loop. */
const RESOLUTION = 20;

/** Measures a process. */
export class ProcessMeter {
  readonly #name: string;
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION });

  #lastMemory: NodeJS.MemoryUsage = { rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 };

  constructor(name: string) {
    this.#name = name;
    this.#delay.enable();
  }

  /** Reading the resident memory opens a file: where no descriptor is left, the figures are the last ones. */
  #memory(): NodeJS.MemoryUsage {
    try {
      this.#lastMemory = process.memoryUsage();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
    return this.#lastMemory;
  }

  counts(): ProcessCounts {
    const { rss, heapUsed, external } = this.#memory();
    // It counts the wait itself, too.
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION / 1_000);
    const [p50, p99, max] = [this.#delay.percentile(50), this.#delay.percentile(99), this.#delay.max];
    const isEmpty = this.#delay.count === 0;
    this.#delay.reset();
    return {
      process: this.#name,
      residentBytes: rss,
      heapBytes: heapUsed,
      externalBytes: external,
      eventLoopDelay: isEmpty ? { p50: 0, p99: 0, max: 0 } : { p50: late(p50), p99: late(p99), max: late(max) },
    };
  }
}
