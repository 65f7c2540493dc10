/**
 * Programs that a test runs to their end.
 *
 * The tools are those of the lock file, by their path: `npx` and a `PATH` with `.bin` folders may find, or download, another program of the same name.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './build.ts';

interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
}

/** Runs a program and returns what it wrote to standard output. @throws Error with all that it wrote, where it fails */
export function run(program: string, args: readonly string[], { cwd = ROOT, ...options }: RunOptions = {}): string {
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    ...options,
  });
  if (error !== undefined) throw error;
  if (status !== 0)
    throw new Error(`${[program, ...args].join(' ')}, in ${cwd}: ended with ${signal ?? status}\n${stdout}${stderr}`);
  return stdout;
}

/** Runs a tool of the lock file, by the name of its package; as {@link run}. */
export function runTool(
  packageName: string,
  args: readonly string[],
  options: RunOptions & { readonly command?: string } = {},
): string {
  const { command, ...rest } = options;
  return run(process.execPath, [toolPath(packageName, command), ...args], rest);
}

/** Returns the file that a package's command runs; `command` where it has several. */
function toolPath(packageName: string, command?: string): string {
  const folder = join(ROOT, 'node_modules', packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { bin: string | Record<string, string> };
  const path = typeof bin === 'string' ? bin : command === undefined ? Object.values(bin)[0] : bin[command];
  if (path === undefined) throw new Error(`${packageName} has no command ${command ?? ''}`);
  return join(folder, path);
}
