import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package, with a slash at its end. */
export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url));

const LOCK = join(ROOT, '.build/lock');
const STAMP = join(ROOT, '.build/built');
/** Milliseconds after which whoever holds the lock was killed. */
const LOCK_TIMEOUT = 60_000;

/**
 * Compiles the library and the examples where a source is newer than the last time. One test file at a time: what another one runs is not rewritten under it.
 */
export function build(): void {
  lock();
  try {
    const isThere = modifiedAt(join(ROOT, 'dist/index.js')) > 0 && modifiedAt(join(ROOT, '.build/examples/ircd/main.js')) > 0;
    if (isThere && modifiedAt(STAMP) > Math.max(newest('src'), newest('examples'))) return;
    for (const project of ['src', 'examples', 'examples/ircd/web'])
      execFileSync('npx', ['tsc', '-p', project], { cwd: ROOT, stdio: 'inherit' });
    writeFileSync(STAMP, '');
  } finally {
    rmdirSync(LOCK);
  }
}

function lock(): void {
  mkdirSync(join(ROOT, '.build'), { recursive: true });
  for (;;) {
    try {
      mkdirSync(LOCK);
      return;
    } catch {
      const since = modifiedAt(LOCK);
      if (since > 0 && Date.now() - since > LOCK_TIMEOUT) rmdirSync(LOCK);
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}

function newest(folder: string): number {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return Math.max(...names.map((name) => modifiedAt(join(ROOT, folder, name))));
}

/** Milliseconds since 1970; 0 for what is not there. */
function modifiedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
