/**
 * The package as a user gets it: packed in a clone that has built nothing, installed in an empty folder, without a network.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ROOT } from './build.ts';
import { run } from './run.ts';

/** What a clone does not have. */
const MADE = new Set(['node_modules', 'dist', '.build', '.git', 'coverage']);
/** The run-time dependencies. They are linked in, so that nothing is downloaded. */
const DEPENDENCIES = ['ipaddr.js', 'picomatch'];

export interface InstalledPackage {
  /** The user's project: the package is in its `node_modules`. */
  readonly folder: string;
  readonly tarball: string;
  readonly size: number;
  readonly unpackedSize: number;
  /** The paths of all files in the package. */
  readonly paths: readonly string[];
  remove(): void;
}

/** Packs and installs the package; `packages` of this project are linked in beside it, as a user's own. */
export function installPackage(packages: readonly string[] = []): InstalledPackage {
  const parent = mkdtempSync(join(tmpdir(), 'ircd-websocket-package-'));
  const [clone, folder] = [join(parent, 'clone'), join(parent, 'project')];
  cpSync(ROOT, clone, { recursive: true, filter: (path) => !MADE.has(basename(path)) });
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
  mkdirSync(folder);
  const output = run('npm', ['pack', '--json', '--pack-destination', parent], { cwd: clone });
  const [report] = JSON.parse(output) as [PackReport];
  const tarball = join(parent, report.filename);

  const linked = Object.fromEntries(
    [...DEPENDENCIES, ...packages].map((name) => [name, `file:${join(ROOT, 'node_modules', name)}`]),
  );
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({
      name: 'somebody',
      version: '1.0.0',
      type: 'module',
      private: true,
      dependencies: { 'ircd-websocket': `file:${tarball}`, ...linked },
    }),
  );
  // An empty cache: what npm kept from before must not hide a download.
  run('npm', ['install', '--offline', '--cache', join(parent, 'cache'), '--no-audit', '--no-fund'], { cwd: folder });
  return {
    folder,
    tarball,
    size: report.size,
    unpackedSize: report.unpackedSize,
    paths: report.files.map(({ path }) => path),
    remove: () => rmSync(parent, { recursive: true, force: true }),
  };
}

interface PackReport {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}
