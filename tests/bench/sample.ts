/** What a process under test says of itself. */

/** Processor time and memory of this process. */
export interface ProcessSample {
  /** Microseconds of processor time, user and system, since the process began. */
  readonly cpu: number;
  /** Bytes of heap and external memory after a collection; 0 where none was asked for. */
  readonly heap: number;
  readonly rss: number;
}

/** @param collects whether garbage is collected first */
export async function sampleProcess(collects: boolean): Promise<ProcessSample> {
  let heap = 0;
  if (collects) {
    for (let i = 0; i < 5; i++) {
      (globalThis as { gc?: () => void }).gc?.();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { heapUsed, external } = process.memoryUsage();
    heap = heapUsed + external;
  }
  const { user, system } = process.cpuUsage();
  return { cpu: user + system, heap, rss: process.memoryUsage.rss() };
}
