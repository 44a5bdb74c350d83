import { execFile, spawnSync } from 'node:child_process';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { hasTool } from '../support/tools.js';

const NOBODY = 65_534;
/** A place of its own for /proc, as `hidepid` has it. */
const hidden = (hidepid: number, script: string): [string, string[]] => [
  'unshare',
  ['-m', 'sh', '-c', `mount -t proc -o hidepid=${hidepid} proc /proc && ${script}`],
];
const possible = hasTool('unshare') && hasTool('setpriv') && spawnSync(...hidden(2, 'true')).status === 0;
if (!possible) process.stderr.write('skipped: no /proc can be mounted here\n');

const AS_NOBODY = `setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups`;
/** As the systemd unit gives them, for ports below 1024. */
const WITH_RIGHTS = '--inh-caps=+net_bind_service --ambient-caps=+net_bind_service';
const CLI = `${process.execPath} ${resolve('dist/cli.js')}`;

(possible ? describe : describe.skip).each([0, 1, 2])('with rights that commands lack, and hidepid=%i', (hidepid) => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'haishin-hidden-'));
    await chown(dataDir, NOBODY, NOBODY);
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  const run = async (script: string): Promise<string> => {
    const env = {
      ...process.env,
      NODE_OPTIONS: '',
      HAISHIN_DATA_DIR: dataDir,
      HAISHIN_HOST: '127.0.0.1',
      HAISHIN_HTTP_PORT: '0',
      HAISHIN_HTTPS_PORT: 'off',
      HAISHIN_UPSTREAM_URL: 'http://127.0.0.1:9/activeupdate',
    };
    const [command, words] = hidden(hidepid, script);
    return (await promisify(execFile)(command, words, { env, cwd: dataDir })).stdout;
  };

  it('a server and the commands beside it find each other', async () => {
    const told = await run(`
      ${AS_NOBODY} ${WITH_RIGHTS} ${CLI} serve > listening 2> log & server=$!
      until grep -q listening listening; do kill -0 $server || { cat log; exit 1; }; sleep 0.1; done
      ${AS_NOBODY} --inh-caps=-all ${CLI} token create night; echo "create $?"
      ${AS_NOBODY} --inh-caps=-all ${CLI} token list; echo "list $?"
      kill $server && wait $server; echo "server $?"`);
    expect(told).toMatch(/^hsn_\S+\ncreate 0\n(.*\n)*.* night .*\n(.*\n)*list 0\nserver 0\n$/);
  });

  it("a pid file that names another account's process is in nobody's way", async () => {
    const told = await run(`
      ${AS_NOBODY} ${CLI} token create first > /dev/null; echo "first $?"
      sleep 60 & innocent=$!
      printf '%s\\n%s\\n1\\n5432\\n\\n\\n\\n' $innocent "$PWD/postgres/cluster" > postgres/cluster/postmaster.pid
      chown ${NOBODY} postgres/cluster/postmaster.pid
      ${AS_NOBODY} ${CLI} token list; echo "list $?"
      kill $innocent && echo unharmed`);
    expect(told).toMatch(/^first 0\n.* first .*\nlist 0\nunharmed\n$/);
  });
});
