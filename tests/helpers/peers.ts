import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];

/**
 * Finds a real peer's program, a Debian package that `.ci/run` installs.
 *
 * @returns its path, or `null` where it is missing: the test is then skipped, with this as the reason. Under `CI=true` a missing peer is a failure.
 */
export function requirePeer(name: string): string | null {
  for (const folder of FOLDERS) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not there: on to the next folder.
    }
  }
  if (process.env['CI'] === 'true') throw new Error(`${name} is missing: .ci/run installs it`);
  console.warn(`skipped: ${name} is not installed`);
  return null;
}
