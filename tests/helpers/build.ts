/**
 * What is compiled before any test runs, once for all of them: processes that the tests start run from `dist/` and `.build/`, and no test may write there while another's server reads.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package, with a slash at its end. */
export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url));

/** What is made of what: by the script, where a source is newer than the last file that it writes. */
const TARGETS = [
  { script: 'build', sources: ['src'], made: 'dist/index.js' },
  { script: 'build:examples', sources: ['src', 'examples'], made: '.build/examples/ircd/main.js' },
  { script: 'build:tests', sources: ['src', 'tests/conformance', 'tests/load'], made: '.build/conformance/echo.js' },
] as const;

/** vitest's `globalSetup`. */
export default function build(): void {
  for (const { script, sources, made } of TARGETS) {
    const madeAt = statSync(join(ROOT, made), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (sources.some((folder) => newest(folder) > madeAt))
      execFileSync('npm', ['run', '--silent', script], { cwd: ROOT, stdio: 'inherit' });
  }
}

/** When the newest source of a folder was written, in milliseconds. */
function newest(folder: string): number {
  const paths = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return Math.max(...paths.filter((path) => /\.(ts|json)$/.test(path)).map((path) => statSync(join(ROOT, folder, path)).mtimeMs));
}
