/**
 * Shows: a whole IRC server with a plain TCP listener, a `<bind hook="websocket">`, and a web page to chat from.
 *
 * Run: `npm start`, or with options: `npm start -- --port 8080`; `npm start -- --help` lists them
 * Try: open http://127.0.0.1:8067/, choose a name, and chat. A second tab is a second user.
 *
 * SIGHUP reads the configuration again, all or nothing. SIGINT and SIGTERM say goodbye to everybody.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { configFromTags, createWebirc, createWebSocketHook, gatewaysFromTags, parseTags, parseWebirc } from 'ircd-websocket';
import type { GatewayJudge } from './commands/webirc.ts';
import { HookRegistry, type Listening, openListeners } from './listeners.ts';
import { IrcServer } from './server.ts';
import { type PortChoice, readPort, readSettings, withPorts } from './settings.ts';
import { serveFiles } from './web-files.ts';

// This file runs as .build/examples/ircd/main.js; the configuration and the page stand among the sources.
const SOURCES = fileURLToPath(new URL('../../../examples/ircd/', import.meta.url));
const WEB_SOURCES = `${SOURCES}web`;
const WEB_BUILD = fileURLToPath(new URL('./web', import.meta.url));

const HELP = `Usage: npm start -- [--port N] [--irc-port N] [--config FILE]

An IRC server with a web page to chat from.

  --port N       the port of the web page and of IRC over WebSocket, in place of the one in the configuration
  --irc-port N   the port of plain IRC, likewise
  --config FILE  the configuration, in place of examples/ircd/ircd.conf
  --help         this text
`;

/** The command line. @throws Error for an option that does not exist, or a port that is not one */
function readCommandLine(): { config: string; help: boolean; ports: PortChoice } {
  const { values } = parseArgs({
    options: {
      config: { type: 'string', default: `${SOURCES}ircd.conf` },
      port: { type: 'string' },
      'irc-port': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const port = (name: 'port' | 'irc-port'): number | null => {
    const text = values[name];
    return text === undefined ? null : readPort(text, `--${name}`);
  };
  return { config: values.config, help: values.help, ports: { web: port('port'), plain: port('irc-port') } };
}

interface Config {
  readonly settings: ReturnType<typeof readSettings>;
  readonly websocket: ReturnType<typeof configFromTags>;
  readonly gateways: GatewayJudge;
}

function readConfig(path: string, ports: PortChoice): Config {
  const tags = parseTags(readFileSync(path, 'utf8'));
  const webirc = createWebirc(gatewaysFromTags(tags));
  return {
    settings: withPorts(readSettings(tags), ports),
    websocket: configFromTags(tags),
    gateways: {
      webirc: (params, { peer, ...state }) => webirc.authenticate(parseWebirc(params), peer, state),
      username: (username, { peer, ...state }) => webirc.authenticateUsername(username, peer, state),
    },
  };
}

function webClientFiles(): string[] {
  const scripts = readdirSync(WEB_BUILD).filter((name) => name.endsWith('.js'));
  return [...readdirSync(WEB_SOURCES).filter((name) => /\.(html|css|svg)$/.test(name)), ...scripts];
}

function describe({ bind, address, port }: Listening): string {
  const host = address.includes(':') ? `[${address}]` : address;
  if (bind.hook === null) return `  IRC over ${bind.tls === null ? 'TCP' : 'TLS'}        ${host}:${port}`;
  const secure = bind.tls === null ? '' : 's';
  return `  IRC over WebSocket  ws${secure}://${host}:${port}/\n  the web client      http${secure}://${host}:${port}/`;
}

async function main(): Promise<void> {
  const { config: path, help, ports } = readCommandLine();
  if (help) {
    console.log(HELP);
    return;
  }
  const config = readConfig(path, ports);
  const server = new IrcServer(config.settings, config.gateways);
  const hook = createWebSocketHook({
    ...config.websocket,
    serverName: config.settings.serverName,
    onConnection: server.accept,
    onReject: ({ status, reason }, request) => console.log(`refused ${request.socket.remoteAddress}: ${status} ${reason}`),
  });
  const hooks = new HookRegistry();
  hook.register(hooks);
  const listening = await openListeners(
    config.settings.binds,
    hooks,
    server.accept,
    serveFiles([WEB_SOURCES, WEB_BUILD], webClientFiles()),
  );
  console.log(`${config.settings.serverName} is up\n${listening.map(describe).join('\n')}`);

  process.on('SIGHUP', () => {
    try {
      const next = readConfig(path, ports);
      hook.rehash(next.websocket);
      server.settings = next.settings;
      server.gateways = next.gateways;
      console.log('rehashed: settings, operators, bans, <gateway> and <websocket> are new; binds stay as they are');
    } catch (error) {
      console.error(`not rehashed: ${explain(error)}`);
    }
  });

  let isClosing = false;
  const shutDown = async (): Promise<void> => {
    if (isClosing) return;
    isClosing = true;
    for (const { server: listener } of listening) listener.close();
    server.close('Server shutting down');
    await hook.close('Server shutting down');
    process.exit(0);
  };
  process.on('SIGINT', shutDown);
  process.on('SIGTERM', shutDown);
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // What `parseArgs` says of an option ends in advice about "--", which is not what is meant here.
  if ((error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') === true)
    return `${error.message.split('. ')[0]}. \`npm start -- --help\` lists the options.`;
  return error.message;
}

main().catch((error: unknown) => {
  console.error(explain(error));
  process.exitCode = 1;
});
