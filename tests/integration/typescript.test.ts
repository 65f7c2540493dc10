/**
 * The table "TypeScript settings" of docs/compatibility.md, row by row: a user's project is compiled with each setting and version, and the compiler says what the
 * table says. What compiles also runs.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../helpers/build.ts';
import { type InstalledPackage, installPackage } from '../helpers/package.ts';
import { run } from '../helpers/run.ts';
import { WAIT_LIMIT } from '../helpers/wait.ts';

const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { exports: Record<string, unknown> };
const SUBPATHS = Object.keys(exports).filter((path) => path !== '.' && path !== './package.json');

/** The compilers, by the table's columns. The old ones are `@tsd/typescript`, which brings no command `tsc` beside the project's own. */
const COMPILERS: Readonly<Record<string, string>> = {
  'TypeScript 5.4': 'typescript-5.4/typescript/lib/tsc.js',
  '5.9': 'typescript-5.9/typescript/lib/tsc.js',
  '7.0': 'typescript/bin/tsc',
};

interface Case {
  readonly module: string;
  readonly moduleResolution: string;
  /** How the user's file is compiled. */
  readonly format: string;
  readonly column: string;
  /** `yes`, or the number of the compiler's error. */
  readonly expected: string;
}

/** A compiler beside busy processes takes its time. */
const TIME_LIMIT = 10 * WAIT_LIMIT;

/** The cells of a row of a Markdown table, without their back-ticks. */
const cells = (row: string): string[] =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('`', ''));

/** Reads the table; each case with its name. */
function documentedCases(): [string, Case][] {
  const page = readFileSync(join(ROOT, 'docs/compatibility.md'), 'utf8');
  const [head, , ...rows] = /^\| `module` \|[\s\S]*?(?=\n\n)/m.exec(page)?.[0].split('\n') ?? [];
  const columns = cells(head ?? '').slice(3);
  expect(columns).toEqual(Object.keys(COMPILERS));
  return rows.flatMap((row) => {
    const [module, moduleResolution, format, ...results] = cells(row) as [string, string, string, ...string[]];
    return columns.map((column, i): [string, Case] => {
      const expected = results[i] as string;
      return [
        `${column}, ${module}, ${moduleResolution}, ${format}: ${expected}`,
        { module, moduleResolution, format, column, expected },
      ];
    });
  });
}

/** A program that uses every entry point, and one type wrongly: where the types were `any`, the unused `@ts-expect-error` would be an error. */
const PROGRAM = `
import type { AddressInfo } from 'node:net';
import { createWebSocketHook, type IrcSocket, type WebSocketHookOptions } from 'ircd-websocket';
${SUBPATHS.map((path, i) => `import * as entry${i} from 'ircd-websocket/${path.slice(2)}';`).join('\n')}

const onConnection = (socket: IrcSocket): void => void socket.end('ERROR :Bye\\r\\n');
const options: WebSocketHookOptions = { origins: ['https://chat.example.com'], onConnection };
const hook = createWebSocketHook(options);
// @ts-expect-error A number is not a list of origins.
export const wrong: WebSocketHookOptions = { ...options, origins: 1 };
export const address: AddressInfo | undefined = undefined;
console.log([hook, ${SUBPATHS.map((_path, i) => `entry${i}`).join(', ')}].map((entry) => Object.keys(entry).length > 0).join(' '));
`;

let installed: InstalledPackage;

beforeAll(() => {
  installed = installPackage(['@types/node', 'undici-types']);
  for (const file of ['main.mts', 'main.cts']) writeFileSync(join(installed.folder, file), PROGRAM);
});

afterAll(() => installed?.remove());

describe('the settings that are documented', () => {
  test.each(documentedCases())(
    '%s',
    (_name, { module, moduleResolution, format, column, expected }) => {
      const [source, made] = format === 'CommonJS' ? ['main.cts', 'main.cjs'] : ['main.mts', 'main.mjs'];
      const { stdout } = spawnSync(
        process.execPath,
        [
          join(ROOT, 'node_modules', COMPILERS[column] as string),
          ...['--strict', '--target', 'ES2022', '--types', 'node', '--outDir', 'out'],
          // Checking declarations takes most of the time: not those of the language, and ours once for each way of resolving them.
          ...['--skipDefaultLibCheck', 'true', '--skipLibCheck', String(format === 'CommonJS')],
          ...['--module', module, '--moduleResolution', moduleResolution, source],
        ],
        { cwd: installed.folder, encoding: 'utf8' },
      );
      const errors = [...new Set([...stdout.matchAll(/error (TS\d+)/g)].map(([, number]) => number))];
      if (expected !== 'yes') {
        expect(errors, stdout).toEqual([expected]);
        return;
      }
      expect(stdout).toBe('');
      const output = run(process.execPath, [join('out', made)], { cwd: installed.folder });
      expect(output.trim()).toBe(
        Array(SUBPATHS.length + 1)
          .fill('true')
          .join(' '),
      );
    },
    TIME_LIMIT,
  );
});
