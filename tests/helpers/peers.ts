/**
 * The real programs that tests run against: Debian packages, listed in `.ci/peers.txt`.
 */
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './build.ts';

const FOLDERS = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];

export interface Peer {
  /** The Debian package. */
  readonly packageName: string;
  /** What a test runs of it; `null` for a package that another one needs. */
  readonly program: string | null;
}

/** Every package of `.ci/peers.txt`, in its order. */
export const PEERS: readonly Peer[] = readFileSync(join(ROOT, '.ci/peers.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [packageName, program = null] = line.trim().split(/\s+/) as [string, string?];
    return { packageName, program };
  });

/** Returns the path of a program, or `null` where it is not installed. */
export function findProgram(name: string): string | null {
  for (const folder of FOLDERS) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // It is not in this folder.
    }
  }
  return null;
}

/**
 * Returns the path of a real peer's program.
 *
 * Where it is not installed the result is `null`, the caller skips its tests, and the reporter names the package at the end of the run. Under `CI=true` a missing program is a failure.
 *
 * @throws Error if `.ci/peers.txt` does not list the program: then no CI run would ever have it
 */
export function requirePeer(name: string): string | null {
  const peer = PEERS.find(({ program }) => program === name);
  if (peer === undefined) throw new Error(`${name} is not in .ci/peers.txt`);
  const path = findProgram(name);
  if (path === null && process.env['CI'] === 'true')
    throw new Error(`${name} is not installed (Debian package ${peer.packageName}): under CI=true nothing is skipped`);
  return path;
}
