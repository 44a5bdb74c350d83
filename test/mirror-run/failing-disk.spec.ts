import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { MirrorBench, outcomeOf } from './mirror-bench.js';

function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const mounts = canMount();
if (!mounts) console.warn('skipped: full and read-only disks need the right to mount a tmpfs');

(mounts ? describe : describe.skip)('a data directory on a disk that fails', () => {
  let disk: string;
  let bench: MirrorBench;
  let database: TestDatabase;

  async function open(mebibytes: number, scale: number): Promise<void> {
    disk = await mkdtemp(join(tmpdir(), 'haishin-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', disk]);
    database = await createTestDatabase();
    bench = await MirrorBench.open({ dataDir: disk, database, treeOptions: { scale } });
  }

  afterEach(async () => {
    await bench.haishin.stop();
    await bench.upstream.close();
    await database.drop();
    execFileSync('umount', [disk]);
    await rm(disk, { recursive: true });
  });

  function fillUp(): void {
    const left = Number(execFileSync('df', ['--output=avail', '-B1', disk]).toString().split('\n')[1]);
    try {
      writeFileSync(join(disk, 'something-else'), Buffer.alloc(left));
    } catch {
      // Full, then: the download wrote something in between.
    }
  }

  async function probe(): Promise<{ status: number; checks: Record<string, unknown> }> {
    const answer = await fetch(`${bench.haishin.http}/readyz`);
    return { status: answer.status, ...((await answer.json()) as { checks: Record<string, unknown> }) };
  }

  it('too small from the start: said before anything is fetched', async () => {
    await open(70, 0.2);
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'failed', error: { code: 'disk-full' } });
    const { neededBytes, freeBytes, reservedBytes } = download.error.details as Record<string, number>;
    expect(neededBytes).toBeGreaterThan(freeBytes ?? 0);
    // What a person sees in df is more.
    expect(download.error.message).toContain(`${reservedBytes} bytes are kept for the database and the logs`);
    const seen = Number(execFileSync('df', ['--output=avail', '-B1', disk]).toString().split('\n')[1]);
    expect(Math.abs(seen - (freeBytes ?? 0) - (reservedBytes ?? 0))).toBeLessThan(1e6);
    expect((await probe()).checks.disk).toMatchObject({ ok: true, detail: null });
    expect(bench.upstream.requested(/\.zip$/)).toEqual([]);
    expect((await bench.api.get('/api/v1/channels')).body.items[0].snapshotId).toBeNull();
  });

  it('has no room for a file of unknown size: that one is left out, and the rest comes in', async () => {
    await open(130, 0.002);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    bench.tree.publish(['virus-pattern']);
    const entry = /^\[ENGINE\]/m;
    bench.upstream.set(/server\.ini$/, {
      kind: 'transform',
      transform: (content) =>
        Buffer.from(content.toString('latin1').replace(entry, 'P.900=pattern/huge.bin, 1\r\n\r\n$&'), 'latin1'),
    });
    const mebibyte = Buffer.alloc(1024 * 1024, 'h');
    function* huge(): Generator<Buffer> {
      for (let sent = 0; sent < 200; sent++) yield mebibyte;
    }
    bench.upstream.set(/huge\.bin$/, { kind: 'stream', chunks: huge });
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'partial' });
    expect(outcomeOf(download, 'P.900')).toMatchObject({ outcome: 'failed', error: { code: 'disk-full' } });
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'updated' });
    expect(Number(execFileSync('df', ['--output=avail', '-B1', disk]).toString().split('\n')[1])).toBeGreaterThan(50e6);
  });

  it('full in the middle of a download: what is published stays, and room is all it takes', async () => {
    await open(120, 0.05);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const before = await bench.served();
    bench.tree.publish();
    bench.upstream.set(/vsapi\d+\.zip$/, { kind: 'before-answer', run: fillUp }, { times: 1 });
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'failed', error: { code: 'disk-full' }, snapshotId: null });
    expect(await bench.served()).toEqual(before);
    expect(await probe()).toMatchObject({
      status: 200,
      checks: { disk: { ok: false, detail: expect.stringContaining('disk-full') } },
    });
    expect((await bench.api.get('/api/v1/snapshots')).body.items).toHaveLength(1);

    // Nothing of an upstream's fault is claimed, but every component says why nothing comes.
    expect(await bench.api.component('virus-pattern')).toMatchObject({
      available: { state: 'unknown', reason: 'disk-full' },
    });
    await rm(join(disk, 'something-else'));
    expect((await probe()).checks.disk).toMatchObject({ ok: true, detail: null });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect(await bench.api.component('virus-pattern')).toMatchObject({ available: { state: 'version', reason: null } });
    await bench.expectCurrent();
  });

  it('read-only: what is published stays, and nothing more is said to have happened', async () => {
    await open(120, 0.0005);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const before = await bench.served();
    bench.tree.publish(['virus-pattern']);
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'failed', error: { code: 'disk-read-only' }, snapshotId: null });
    expect(await bench.served()).toEqual(before);
    execFileSync('mount', ['-o', 'remount,rw', disk]);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });
});
