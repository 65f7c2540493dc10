/**
 * `npm run test:runtimes [-- node@22 node@26 bun deno]`: this library on other runtimes, from their packages of the npm registry; without arguments on all.
 *
 * On each Node the unit tests and the smoke checks; on Bun and Deno the smoke checks (`smoke.ts`), those that fail there named in {@link KNOWN}. Runtimes are
 * kept under `.build/runtimes`. Exit status 1 when something failed that is not known to, or works that was known to fail.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const FOLDER = `${ROOT}.build/runtimes`;
const SMOKE = `${FOLDER}/code/runtimes/smoke.js`;

const ALL: readonly string[] = ['node@20', 'node@22', 'node@24', 'node@26', 'bun', 'deno'];

/** Smoke checks that fail, by runtime: `docs/runtimes.md` says why. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {};

interface Runtime {
  readonly program: string;
  readonly args: readonly string[];
  readonly runsVitest: boolean;
}

/** Returns a runtime. It is installed if it is not yet. */
function install(name: string): Runtime {
  const { platform, arch } = process;
  const [kind, version] = name.split('@') as [string, string | undefined];
  const packages: Record<string, readonly [string, string]> = {
    // The package `node` installs one of these by a script; they carry the program itself.
    node: [`node-${platform}-${arch}`, 'bin/node'],
    bun: [`@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}`, 'bin/bun'],
    deno: [`@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`, 'deno'],
  };
  const found = packages[kind];
  if (found === undefined) throw new Error(`unknown runtime ${name}: one of ${ALL.join(', ')}`);
  const [packageName, path] = found;
  const folder = `${FOLDER}/${name}`;
  const program = `${folder}/node_modules/${packageName}/${path}`;
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    const wanted = version === undefined ? packageName : `${packageName}@${version}`;
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-save', '--silent', '--prefix', folder, wanted], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  return { program, args: kind === 'deno' ? ['run', '--allow-all'] : [], runsVitest: kind === 'node' };
}

/** Runs a program; what it printed, and its exit status. */
function run(program: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

async function smoke(name: string, { program, args }: Runtime): Promise<{ summary: string; isGood: boolean }> {
  const { output } = await run(program, [...args, SMOKE]);
  const results = output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { check: string; error: string | null });
  const known = KNOWN[name] ?? [];
  const failed = results.filter(({ error }) => error !== null);
  for (const { check, error } of failed)
    console.log(`  ${known.includes(check) ? 'known to fail' : 'FAILED'}: ${check}: ${error}`);
  const recovered = known.filter((check) => results.some((result) => result.check === check && result.error === null));
  for (const check of recovered) console.log(`  works now, and is in the list of what does not: ${check}`);
  // No line for a check means that the process ended early.
  const isWhole = results.at(-1)?.check === 'end';
  if (!isWhole) console.log(`  ended early:\n${output.slice(-2_000)}`);
  const isGood = isWhole && recovered.length === 0 && failed.every(({ check }) => known.includes(check));
  return { summary: `${results.length - failed.length - 1} of ${results.length - 1} smoke checks`, isGood };
}

async function unitTests({ program, args }: Runtime): Promise<{ summary: string; isGood: boolean }> {
  const vitest = [`${ROOT}node_modules/vitest/vitest.mjs`, 'run', '--config', 'tests/vitest.config.ts', '--project', 'unit'];
  const { code, output } = await run(program, [...args, ...vitest]);
  if (code !== 0) console.log(output.slice(-6_000));
  const [summary = 'no summary'] = /^\d+ passed.*$/m.exec(output) ?? [];
  return { summary: `unit tests: ${summary}`, isGood: code === 0 };
}

const names = process.argv.length > 2 ? process.argv.slice(2) : ALL;
for (const name of names) {
  const runtime = install(name);
  const version = (await run(runtime.program, ['--version'])).output.split('\n')[0];
  const began = Date.now();
  const results = [await smoke(name, runtime)];
  if (runtime.runsVitest) results.push(await unitTests(runtime));
  const isGood = results.every((result) => result.isGood);
  if (!isGood) process.exitCode = 1;
  const seconds = Math.round((Date.now() - began) / 1_000);
  console.log(
    `${isGood ? 'ok    ' : 'FAILED'} ${name.padEnd(8)} ${version}: ${results.map(({ summary }) => summary).join('; ')} (${seconds} s)`,
  );
}
