import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startListeners, type Listeners } from '../../src/platform/http/listeners.js';
import { PublishedTree } from '../../src/mirror/source/published-tree.js';
import { createUpdateSource } from '../../src/mirror/source/update-source.handler.js';
import { PublishedFixture, RecordingLogger } from '../support/published-tree.js';

const hasNginx = spawnSync('nginx', ['-v']).error === undefined;
if (!hasNginx) process.stderr.write('skipped: nginx as a cache in front (nginx is not installed)\n');

/** A stock caching proxy obeys `Cache-Control`; products behind it must never get an old file beside a new manifest. */
(hasNginx ? describe : describe.skip)('nginx as a cache in front of the update source', () => {
  let fixture: PublishedFixture;
  let tree: PublishedTree;
  let listeners: Listeners;
  let nginx: ChildProcess;
  let directory: string;
  let url: string;
  const asked: string[] = [];

  beforeAll(async () => {
    fixture = await PublishedFixture.create();
    await fixture.publish('global', 's1', [
      { path: 'server.ini', content: 'manifest one' },
      { path: 'pattern/vsapi241.zip', content: 'pattern one' },
      { path: 'pattern/v_237.sig', content: 'signature one' },
      { path: 'pattern/gpl.zip', content: 'unversioned one' },
    ]);
    const logger = new RecordingLogger();
    tree = new PublishedTree(fixture.dataDir, logger);
    await tree.refresh();
    const source = createUpdateSource({ tree, logger });
    listeners = await startListeners({
      host: '127.0.0.1',
      httpPort: 0,
      httpsPort: 'off',
      handler: (req, res) => {
        asked.push(req.url ?? '');
        source(req, res);
      },
    });
    directory = await mkdtemp(join(tmpdir(), 'haishin-nginx-'));
    const port = await freePort();
    url = `http://127.0.0.1:${port}/activeupdate`;
    nginx = await startNginx(directory, port, listeners.httpUrl ?? '');
  });

  afterAll(async () => {
    const exited = once(nginx, 'exit');
    nginx.kill();
    await exited;
    await listeners.close(0);
    await fixture.remove();
    await rm(directory, { recursive: true });
  });

  const textOf = async (path: string): Promise<string> => (await fetch(`${url}/${path}`)).text();

  it('is spared the repeated transfer of versioned and frozen files', async () => {
    for (const path of ['pattern/vsapi241.zip', '@s1/pattern/v_237.sig', '@s1/server.ini']) {
      asked.length = 0;
      const first = await textOf(path);
      expect(await textOf(path)).toBe(first);
      expect(asked).toHaveLength(1);
    }
  });

  it('never hands out what a publication replaced', async () => {
    for (const path of ['server.ini', 'pattern/v_237.sig', 'pattern/gpl.zip'])
      expect(await textOf(path)).toContain('one');
    await fixture.publish('global', 's2', [
      { path: 'server.ini', content: 'manifest two' },
      { path: 'pattern/vsapi243.zip', content: 'pattern two' },
      { path: 'pattern/v_237.sig', content: 'signature two' },
      { path: 'pattern/gpl.zip', content: 'unversioned two' },
    ]);
    await tree.refresh();
    for (const path of ['server.ini', 'pattern/v_237.sig', 'pattern/gpl.zip', 'pattern/vsapi243.zip'])
      expect(await textOf(path)).toContain('two');
    expect(await textOf('pattern/vsapi241.zip')).toBe('pattern one');
    expect(await textOf('@s1/server.ini')).toBe('manifest one');
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function startNginx(directory: string, port: number, upstream: string): Promise<ChildProcess> {
  await mkdir(join(directory, 'cache'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(directory, name)};`)
    .join(' ');
  const config = join(directory, 'nginx.conf');
  await writeFile(
    config,
    `${process.getuid?.() === 0 ? 'user root;' : ''} worker_processes 1; daemon off; pid ${directory}/pid; error_log ${directory}/error.log;
     events {} http { access_log off; ${temporary}
       proxy_cache_path ${directory}/cache keys_zone=source:1m;
       server { listen 127.0.0.1:${port}; location / { proxy_pass ${upstream}; proxy_cache source; proxy_cache_revalidate on; } } }`,
  );
  const child = spawn('nginx', ['-e', join(directory, 'error.log'), '-c', config], { stdio: 'ignore' });
  for (let attempt = 0; ; attempt++) {
    try {
      await fetch(`http://127.0.0.1:${port}/activeupdate/nothing-there`);
      return child;
    } catch (error) {
      if (attempt > 500 || child.exitCode !== null) throw new Error('nginx did not start', { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
