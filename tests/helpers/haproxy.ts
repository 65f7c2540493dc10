/**
 * A real HAProxy in front of two servers, with the frontend that docs/resume.md prints.
 *
 * In: where it listens, and where the servers are. Out: a running HAProxy. It does not know what the servers are.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './build.ts';
import { type Daemon, daemonFolder, startDaemon } from './daemons.ts';

/** Starts it; `servers` are the ports of `gw1` and `gw2`. */
export function startHaproxy(program: string, port: number, servers: readonly number[]): Promise<Daemon> {
  const folder = daemonFolder({ 'haproxy.cfg': configuration(port, servers) });
  return startDaemon(program, ['-db', '-f', `${folder}/haproxy.cfg`], folder, port);
}

/** The frontend of the page, without a certificate; and the backends. */
function configuration(port: number, servers: readonly number[]): string {
  const frontend = /^```\n(frontend irc\n[\s\S]*?)^```$/m.exec(readFileSync(join(ROOT, 'docs/resume.md'), 'utf8'))?.[1];
  if (frontend === undefined) throw new Error('docs/resume.md has no frontend');
  const [first, second] = servers.map((server, index) => `server gw${index + 1} 127.0.0.1:${server}`);
  return `defaults
    mode http
    option forwardfor
    timeout connect 5s
    timeout client 1m
    timeout server 1m
    timeout tunnel 1h
${frontend.replace('bind :443 ssl crt /etc/haproxy/irc.pem', `bind 127.0.0.1:${port}`)}
backend gw1
    ${first}
backend gw2
    ${second}
backend any
    balance roundrobin
    ${first}
    ${second}
`;
}
