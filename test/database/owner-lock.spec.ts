import { mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { acquireOwnerLock, findLockOwner } from '../../src/database/embedded/owner-lock.js';
import { identifyProcess } from '../../src/database/embedded/process-identity.js';
import { pidNamespace } from '../../src/platform/process/pid-namespace.js';
import { recordLog } from '../support/log-recorder.js';
import { silentLogger } from '../support/silent-logger.js';
import { until } from '../support/until.js';

describe('lock of a data directory', () => {
  let directory: string;
  let path: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'haishin-lock-'));
    path = join(directory, 'lock');
  });

  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function writeLock(change: Record<string, unknown>): Promise<void> {
    const self = await identifyProcess(process.pid);
    const owner = { ...self, namespace: pidNamespace(), host: 'here', since: '2026-01-01T00:00:00Z', ...change };
    await writeFile(path, JSON.stringify(owner));
  }

  it('is held until it is released', async () => {
    const lock = await acquireOwnerLock(path, silentLogger);
    expect(await findLockOwner(path)).toMatchObject({ pid: process.pid });
    await expect(acquireOwnerLock(path, silentLogger)).rejects.toMatchObject({
      code: 'data-directory-in-use',
      details: { pid: process.pid },
    });
    await lock.release();
    expect(await findLockOwner(path)).toBeUndefined();
    await (await acquireOwnerLock(path, silentLogger)).release();
  });

  it('is waited for where it is held for moments only', async () => {
    const command = await acquireOwnerLock(path, silentLogger, { brief: true });
    const order: string[] = [];
    const waiting = acquireOwnerLock(path, silentLogger).then((lock) => {
      order.push('taken');
      return lock;
    });
    await until('the other one waits', async () => (await findLockOwner(path))?.brief === true);
    order.push('released');
    await command.release();
    const server = await waiting;
    expect(order).toEqual(['released', 'taken']);
    await expect(acquireOwnerLock(path, silentLogger)).rejects.toMatchObject({ code: 'data-directory-in-use' });
    await server.release();
  });

  it('lets exactly one of many win that arrive together', async () => {
    await writeLock({ startTicks: '1' });
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => acquireOwnerLock(path, silentLogger)));
    const won = results.filter((result) => result.status === 'fulfilled');
    expect(won).toHaveLength(1);
    await won[0]?.value.release();
  });

  it.each([
    ['whose pid now is another process', { startTicks: '1' }],
    ['whose pid is gone', { pid: 4_194_303, startTicks: '1' }],
  ])('clears a lock %s, and says so', async (_case, change) => {
    await writeLock(change);
    const log = recordLog();
    const lock = await acquireOwnerLock(path, log);
    expect(log.lines).toEqual([expect.stringContaining('whose owner is gone was cleared')]);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid });
    await lock.release();
  });

  it.each(['', '{"pid": 1', '{}'])('clears a lock that a crash left as %j', async (content) => {
    await writeFile(path, content);
    await (await acquireOwnerLock(path, silentLogger)).release();
  });

  it('knows that nothing survived a restart of this machine', async () => {
    const { hostname } = await import('node:os');
    await writeLock({ namespace: 'another-boot pid:[4026531836]', host: hostname() });
    await (await acquireOwnerLock(path, silentLogger)).release();
  });

  it('tells its owner when somebody else has it, and leaves it to that one', async () => {
    let lost = false;
    const lock = await acquireOwnerLock(path, silentLogger, { onLost: () => (lost = true) });
    // The same number, as every server in a container has it.
    await writeLock({ namespace: 'another-boot pid:[1]', host: 'elsewhere' });
    const taken = await stat(path);
    await until('it is told', () => lost);
    await lock.release();
    expect((await stat(path)).mtimeMs).toBe(taken.mtimeMs);
  });

  it('respects an owner in another container while it gives signs of life, and no longer', async () => {
    await writeLock({ namespace: 'another-boot pid:[1]', host: 'elsewhere' });
    let beat = 0;
    const beating = setInterval(() => void utimes(path, beat, (beat += 1)), 100);
    await expect(acquireOwnerLock(path, silentLogger)).rejects.toMatchObject({ details: { host: 'elsewhere' } });
    clearInterval(beating);
    await (await acquireOwnerLock(path, silentLogger)).release();
  });
});
