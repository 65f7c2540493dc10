/** `npm start` and `npm run example`: what the command line takes, and what it says where it cannot go on. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../helpers/build.ts';
import { startExample, WebUser } from '../helpers/example.ts';
import { TcpUser } from '../helpers/ircd.ts';
import { run } from '../helpers/run.ts';

const EXAMPLES = readdirSync(join(ROOT, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** A port that another program has. */
let other: Server;
let taken: number;

beforeAll(async () => {
  other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  taken = (other.address() as AddressInfo).port;
});
afterAll(() => void other.close());

/** Runs a program that ends by itself. */
function end(program: string, args: readonly (string | number)[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, '.build/examples', program), ...args.map(String)], {
    encoding: 'utf8',
    cwd: ROOT,
  });
  return { status, text: stdout + stderr };
}

describe('npm start', () => {
  test('--port and --irc-port replace the ports of the configuration', async () => {
    const { ports, prints } = await startExample('ircd', ['--port', 0, '--irc-port', 0], 0);
    expect(ports).toEqual([]);
    const webPort = /ws:\/\/127\.0\.0\.1:(\d+)/.exec(await prints(/ws:\/\/127\.0\.0\.1:\d+/))?.[1];
    const ircPort = /TCP\s+127\.0\.0\.1:(\d+)/.exec(await prints(/TCP\s+127\.0\.0\.1:\d+/))?.[1];
    // Its page may connect, whichever port it is on.
    const ada = await WebUser.open(`ws://127.0.0.1:${webPort}/`, { origin: `http://127.0.0.1:${webPort}` });
    ada.send('NICK ada', 'USER ada 0 * :Ada');
    await ada.line(/ 001 /);
    await TcpUser.register(Number(ircPort), 'bob');
  });

  test('--help lists every option', () => {
    const { status, text } = end('ircd/main.js', ['--help']);
    expect(status).toBe(0);
    for (const option of ['--port', '--irc-port', '--config', '--help']) expect(text).toContain(option);
  });

  test.each([
    [['--prot', '1'], "Unknown option '--prot'. `npm start -- --help` lists the options.\n"],
    [['--port', 'http'], '--port "http" must be a port from 0 to 65535\n'],
    [['--irc-port', '65536'], '--irc-port "65536" must be a port from 0 to 65535\n'],
  ])('%j is refused in words', (args, words) => {
    expect(end('ircd/main.js', args)).toEqual({ status: 1, text: words });
  });

  test.each([
    ['--port', '--irc-port'],
    ['--irc-port', '--port'],
  ])('a taken port says the way out: %s', (option, otherOption) => {
    const { status, text } = end('ircd/main.js', [option, taken, otherOption, 0]);
    expect(status).toBe(1);
    expect(text).toBe(
      `<bind:port> "${taken}" is taken by another program: choose another one in the configuration, or by: npm start -- ${option} ${taken + 1}\n`,
    );
  });
});

describe('npm run example', () => {
  test('is a script of this package', () => {
    // Without the build before it: other tests run what that would write.
    expect(run('npm', ['run', '--silent', '--ignore-scripts', 'example'])).toContain('minimal');
  });

  test('lists every example with what it shows', () => {
    const { status, text } = end('run.js', []);
    expect(status).toBe(0);
    for (const name of EXAMPLES) expect(text).toMatch(new RegExp(`^  ${name} +\\S.*\\.$`, 'm'));
  });

  test('a name that is none', () => {
    const { status, text } = end('run.js', ['minmal']);
    expect(status).toBe(1);
    expect(text).toContain('There is no example "minmal".');
  });

  test.each([
    ['minimal', () => [taken], () => `-- ${taken + 1}`],
    ['fastify', () => [taken], () => `-- ${taken + 1}`],
    ['existing-server', () => ['carry', 0, taken], () => `-- carry 0 ${taken + 1}`],
  ] as const)('a taken port says the way out: %s', (name, args, wayOut) => {
    const { status, text } = end('run.js', [name, ...args()]);
    expect(status).toBe(1);
    expect(text.split('\n').at(-2)).toBe(
      `Port ${taken} on 127.0.0.1 is taken by another program. Choose another one: npm run example ${name} ${wayOut()}`,
    );
  });

  test.each(EXAMPLES)('%s: its head says how to run it, and what to type', (name) => {
    const [head = ''] = readFileSync(join(ROOT, 'examples', name, 'main.ts'), 'utf8').split('*/');
    expect(head).toMatch(/^ \* Shows: /m);
    expect(head).toContain(name === 'ircd' ? '`npm start`' : `npm run example ${name} -- `);
    expect(head).toMatch(/^ \* Run: /m);
    expect(head).toMatch(/^ \* Try: /m);
  });
});
