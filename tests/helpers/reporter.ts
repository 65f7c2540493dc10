/**
 * The end of a run: what was skipped, for want of which package, and one line of counts.
 */
import { readFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';
import { findProgram, PEERS } from './peers.ts';

/** Prints `N passed, N failed, N skipped` alone on the last line, for machines that read closing lines. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const skippedIn = new Map<TestModule, number>();
    for (const module of modules) {
      if (module.errors().length > 0) counts.failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'pending') continue;
        counts[state] += 1;
        if (state === 'skipped') skippedIn.set(module, (skippedIn.get(module) ?? 0) + 1);
      }
    }
    process.stdout.write(missingPackages(skippedIn));
    process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  }
}

/**
 * Names each missing package once, with the files whose tests were skipped for it.
 *
 * A file says which programs it needs by its calls of `requirePeer`; one that lacks two of them is listed at both.
 */
export function missingPackages(
  skippedIn: ReadonlyMap<Pick<TestModule, 'moduleId' | 'relativeModuleId'>, number>,
  isInstalled: (program: string) => boolean = (program) => findProgram(program) !== null,
): string {
  const lines = PEERS.flatMap(({ packageName, program }) => {
    if (program === null || isInstalled(program)) return [];
    const files = [...skippedIn].filter(([{ moduleId }]) => readFileSync(moduleId, 'utf8').includes(`requirePeer('${program}')`));
    if (files.length === 0) return [];
    return [`  ${packageName}`, ...files.map(([module, count]) => `    ${module.relativeModuleId}: ${count} skipped`)];
  });
  if (lines.length === 0) return '';
  return `\nNot installed (README.md, "Tests", has the line that installs them on Debian):\n${lines.join('\n')}\n`;
}
