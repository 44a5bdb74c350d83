import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobStore } from '../../src/mirror/store/blob-store.js';
import { openSource } from '../../src/mirror/upstream/source-factory.js';
import type { UpstreamSource } from '../../src/mirror/upstream/source.js';
import { hasTool } from '../support/tools.js';
import { until } from '../support/until.js';
import { faultOf } from './upstream-server.js';

const SIZE = 3_000_000;

/** A real mount whose server can be stopped: `bindfs` shows a directory of ours through FUSE. */
async function mount(from: string, at: string): Promise<ChildProcess> {
  const { dev } = await stat(at);
  const server = spawn('bindfs', ['-f', '--no-allow-other', from, at], { stdio: 'ignore' });
  await until('the share is mounted', async () => (await stat(at)).dev !== dev);
  return server;
}

/** Tried: containers have the device and the account, and may not all the same. */
function canMount(): boolean {
  if (!hasTool('bindfs')) return false;
  const at = mkdtempSync(join(tmpdir(), 'haishin-fuse-'));
  const able = spawnSync('bindfs', ['--no-allow-other', at, at]).status === 0;
  if (able) spawnSync('umount', [at]);
  else process.stderr.write('skipped: this account may not mount with FUSE\n');
  rmdirSync(at);
  return able;
}

(canMount() ? describe : describe.skip)('a share whose server has gone', () => {
  let directory: string;
  let share: string;
  let server: ChildProcess;
  let store: BlobStore;
  let source: UpstreamSource;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'haishin-share-'));
    share = join(directory, 'share');
    await mkdir(share);
    await mkdir(join(directory, 'behind'));
    for (let i = 0; i < 12; i++) await writeFile(join(directory, 'behind', `${i}.dat`), randomBytes(SIZE));
    server = await mount(join(directory, 'behind'), share);
    store = new BlobStore(join(directory, 'store'));
    await store.open();
    source = openSource({ url: share, store, userAgent: 'unused', limits: { idleMs: 500 } });
  });
  afterEach(async () => {
    server.kill('SIGCONT');
    await source.close();
    spawnSync('umount', [share]);
    await rm(directory, { recursive: true, force: true });
  });

  const fetchAll = (signal?: AbortSignal) =>
    Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        faultOf(source.fetchBlob(`${i}.dat`, { size: SIZE, maxBytes: SIZE, ...(signal ? { signal } : {}) })),
      ),
    );

  it('is given up in time, keeps nobody else from the disk, and is read again when it is back', async () => {
    expect(await source.fetchBlob('10.dat', { size: SIZE, maxBytes: SIZE })).toMatchObject({ size: SIZE });
    server.kill('SIGSTOP');
    const faults = await fetchAll();
    expect(new Set(faults.map(({ code }) => code))).toEqual(new Set(['upstream-timeout']));
    expect((await faultOf(source.fetchSmall('11.dat', { maxBytes: SIZE }))).code).toBe('upstream-timeout');
    // Another run has another source, but the same share.
    const other = openSource({ url: share, store, userAgent: 'unused', limits: { idleMs: 600_000 } });
    expect((await faultOf(other.fetchSmall('11.dat', { maxBytes: SIZE }))).code).toBe('upstream-timeout');
    expect(await readFile(join(directory, 'behind', '0.dat'))).toHaveLength(SIZE);
    expect(await readdir(join(directory, 'store', 'incoming'))).toEqual([]);

    server.kill('SIGCONT');
    await until('the share answers', async () =>
      source.fetchSmall('11.dat', { maxBytes: SIZE }).then(
        () => true,
        () => false,
      ),
    );
    const { sha256 } = await source.fetchBlob('0.dat', { size: SIZE, maxBytes: SIZE });
    expect(await store.verify(sha256)).toBe('intact');
  });

  it('does not hold up a cancellation', async () => {
    const abort = new AbortController();
    source = openSource({ url: share, store, userAgent: 'unused', limits: { idleMs: 600_000 } });
    server.kill('SIGSTOP');
    const faults = fetchAll(abort.signal);
    setTimeout(() => abort.abort(), 100);
    expect(new Set((await faults).map(({ code }) => code))).toEqual(new Set(['cancelled']));
  });
});
