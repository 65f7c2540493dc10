/** The guide, followed literally from the package as it would be published: in an empty folder, in strict TypeScript, in plain JavaScript, as ESM and by `require`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ROOT } from '../helpers/build.ts';
import { type InstalledPackage, installPackage } from '../helpers/package.ts';
import { run, runTool } from '../helpers/run.ts';

/** Bytes. With more than this, nobody has looked at what is in the package. */
const MAX_SIZE = { packed: 600_000, unpacked: 2_000_000 };

let installed: InstalledPackage;
let folder: string;

beforeAll(() => {
  installed = installPackage(['@types/node', 'undici-types']);
  folder = installed.folder;
});

afterAll(() => installed?.remove());

/** The block of the guide that holds `words`. */
function guideBlock(words: string): string {
  const blocks = [...readFileSync(join(ROOT, 'docs/guide.md'), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(
    ([, code]) => code as string,
  );
  const block = blocks.find((code) => code.includes(words));
  if (block === undefined) throw new Error(`the guide has no block with ${words}`);
  return block;
}

/** What the reader of the guide has: a server that takes a `net.Socket`. */
const READER = `
const ircServer = {
  accept(socket) {
    socket.setEncoding('utf8');
    socket.on('data', (text) => { for (const line of text.split('\\r\\n')) if (line.startsWith('PING ')) socket.write('PONG ' + line.slice(5) + '\\r\\n'); });
  },
};`;
const TYPED_READER = `import type { Socket } from 'node:net';\n${READER.replace('accept(socket)', 'accept(socket: Socket)').replace('(text)', '(text: string)')}`;

/** Sections 2 and 3 of the guide, on any port, and a line that says which. */
function guideProgram(reader: string, imports = guideBlock('import { createWebSocketHook }').split('\n')[0] as string): string {
  const hook = guideBlock('const hook = createWebSocketHook({').replace(/^import.*$/m, '');
  const listen = (
    guideBlock('hook.createListener().listen(8080)').match(/^hook\.createListener\(\)\.listen\(8080\);$/m) as RegExpMatchArray
  )[0];
  return [
    imports,
    reader,
    hook,
    listen.replace('hook.', 'const listener = hook.').replace('.listen(8080)', ''),
    "listener.listen(0, '127.0.0.1', () => console.log(JSON.stringify(listener.address())));",
  ].join('\n');
}

/** Runs a program of the folder, and chats with it as a page from the guide's origin does. */
async function chat(file: string): Promise<string[]> {
  const child = spawn(process.execPath, [file], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  try {
    const [output] = (await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => {
        throw new Error(complaints);
      }),
    ])) as [Buffer];
    const { port } = JSON.parse(String(output)) as { port: number };
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, ['text.ircv3.net'], { origin: 'https://chat.example.com' });
    await once(socket, 'open');
    socket.send('PING 1');
    const [data] = (await once(socket, 'message')) as [Buffer];
    socket.terminate();
    return [socket.protocol, String(data), complaints];
  } finally {
    child.kill('SIGKILL');
  }
}

describe('the package', () => {
  test('F1 is built when it is packed in a clone that has built nothing', () => {
    for (const needed of ['dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js']) expect(installed.paths).toContain(needed);
  });

  test('is small, and has what is needed and nothing else', () => {
    expect(installed.size).toBeLessThan(MAX_SIZE.packed);
    expect(installed.unpackedSize).toBeLessThan(MAX_SIZE.unpacked);
    for (const needed of ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json', 'src/index.ts'])
      expect(installed.paths).toContain(needed);
    const known = /^(dist|src|docs|examples)\/|^(README|CHANGELOG)\.md$|^LICENSE$|^package\.json$/;
    expect(installed.paths.filter((path) => !known.test(path))).toEqual([]);
  });

  test('has its command', () => {
    expect(run(join(folder, 'node_modules/.bin/ircd-websocket'), ['--help'], { cwd: folder })).toContain('gateway');
  });

  test('what its declarations and pages name of docs/ and examples/ is in it', () => {
    const paths = new Set(installed.paths);
    const pages = installed.paths.filter((path) => /\.(d\.ts|md)$/.test(path));
    const named = pages.flatMap((path) => {
      const text = readFileSync(join(folder, 'node_modules/ircd-websocket', path), 'utf8');
      return [...text.matchAll(/(?<![\w./-])(?:docs|examples)\/[\w./-]*\.(?:md|ts|conf|html)\b/g)].map(([name]) => ({
        path,
        name,
      }));
    });
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter(({ name }) => !paths.has(name))).toEqual([]);
  });

  test('its source maps lead to sources that are in it', () => {
    const paths = new Set(installed.paths);
    for (const path of [...paths].filter((name) => name.endsWith('.map'))) {
      const { sources } = JSON.parse(readFileSync(join(folder, 'node_modules/ircd-websocket', path), 'utf8')) as {
        sources: string[];
      };
      for (const source of sources) expect(paths, path).toContain(join(path, '..', source));
    }
  });
});

describe('the guide, from an empty folder', () => {
  test('in TypeScript, strict, with the declarations of the library checked too', async () => {
    writeFileSync(join(folder, 'guide.ts'), guideProgram(TYPED_READER));
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          exactOptionalPropertyTypes: true,
          skipLibCheck: false,
          target: 'ES2022',
          module: 'NodeNext',
          types: ['node'],
          outDir: 'out',
          rootDir: '.',
        },
        include: ['guide.ts'],
      }),
    );
    runTool('typescript', ['-p', folder]);
    expect(await chat('out/guide.js')).toEqual(['text.ircv3.net', 'PONG 1', '']);
  });

  test('in plain JavaScript, as a module', async () => {
    writeFileSync(join(folder, 'guide.mjs'), guideProgram(READER));
    expect(await chat('guide.mjs')).toEqual(['text.ircv3.net', 'PONG 1', '']);
  });

  test('in plain JavaScript, by require', async () => {
    writeFileSync(join(folder, 'guide.cjs'), guideProgram(READER, "const { createWebSocketHook } = require('ircd-websocket');"));
    expect(await chat('guide.cjs')).toEqual(['text.ircv3.net', 'PONG 1', '']);
  });
});
