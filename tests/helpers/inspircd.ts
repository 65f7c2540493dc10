import { type Daemon, daemonFolder, freePort, startDaemon } from './daemons.ts';

/** A real InspIRCd with the cgiirc module, which trusts a gateway from `mask`; `OPER admin secret` makes an operator. */
export async function startInspircd(program: string, mask = '127.0.0.1'): Promise<{ daemon: Daemon; port: number }> {
  const port = await freePort();
  const folder = daemonFolder({
    'inspircd.conf': `<server name="irc.inspircd.test" description="Test" network="Test">
<admin name="a" nick="a" email="a@example.test">
<bind address="127.0.0.1" port="${port}" type="clients">
<module name="cgiirc">
<cgihost type="webirc" mask="${mask}" password="gatepass">
<connect allow="*" timeout="20" pingfreq="120" resolvehostnames="no" useident="no" localmax="100" globalmax="100">
<class name="c" commands="*" privs="users/auspex" snomasks="*">
<type name="NetAdmin" classes="c">
<oper name="admin" password="secret" host="*@*" type="NetAdmin">
<options nouserdns="yes"><dns server="127.0.0.1" timeout="1">
<files motd=""><pid file="/dev/null">
`,
  });
  const args = ['--runasroot', '--nofork', '--nopid', `--config=${folder}/inspircd.conf`];
  return { daemon: await startDaemon(program, args, folder, port), port };
}
