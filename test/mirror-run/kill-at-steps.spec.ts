import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PublishStep } from '../../src/mirror/snapshot/snapshot-publisher.js';
import { fetchAsProduct } from '../support/reference-client.js';
import { until } from '../support/until.js';
import { CrashBench } from './crash-bench.js';

/** What is in force after the restart: until it is recorded the old snapshot, from then on the new one. */
const steps: [PublishStep, 'old' | 'new'][] = [
  ['composed', 'old'],
  ['staged', 'old'],
  ['recorded', 'new'],
  ['flipped-one', 'new'],
  ['flipped', 'new'],
  ['marked', 'new'],
];

describe('a server that loses power while it publishes', () => {
  it.each(steps)('at "%s": the %s snapshot is in force, whole, on both channels', async (step, expected) => {
    const bench = await CrashBench.open();
    try {
      const first = await bench.start();
      expect(await first.api.download()).toMatchObject({ state: 'succeeded' });
      const before = await bench.served(first);
      await first.kill('SIGTERM');

      bench.upstream.tree.publish();
      const doomed = await bench.start(step);
      await doomed.api.post('/api/v1/downloads');
      await doomed.ended;

      const next = await bench.start();
      const theirs = await fetchAsProduct(bench.upstream.url);
      if (expected === 'new')
        await until('the interrupted publication is finished', async () => {
          const [japan] = (await next.api.get('/api/v1/snapshots')).body.items;
          return (
            (japan.inForce as string[]).length === 2 && japan.state !== 'prepared' && (await isNew(bench, next.http))
          );
        });
      const after = await bench.served(next);
      if (expected === 'old') expect(after).toEqual(before);
      else expect(Object.keys(after.global.files).sort()).toEqual([...theirs.files.keys()].sort());

      // The lock of the dead process does not last; what it had fetched is not fetched again.
      const asked = bench.upstream.requested(/vsapi\d+\.zip$/).length;
      await until('the stale lock is cleared', async () => (await next.api.post('/api/v1/downloads')).status === 202);
      const [running, interrupted] = (await next.api.get('/api/v1/downloads')).body.items;
      if (expected === 'old')
        expect(interrupted).toMatchObject({
          state: 'failed',
          error: { code: 'download-interrupted' },
          snapshotId: null,
        });
      else {
        const [snapshot] = (await next.api.get('/api/v1/snapshots')).body.items;
        expect(interrupted).toMatchObject({ state: 'succeeded', error: null, snapshotId: snapshot.id });
      }
      const end = await next.api.ended(running.id as string);
      expect(end.state).toBe(expected === 'old' ? 'succeeded' : 'unchanged');
      expect(bench.upstream.requested(/vsapi\d+\.zip$/)).toHaveLength(asked);
      const final = await bench.served(next);
      expect(Object.keys(final.global.files).sort()).toEqual([...theirs.files.keys()].sort());

      // Nothing is left over of what was begun.
      const { items } = (await next.api.get('/api/v1/snapshots')).body;
      for (const channel of ['global', 'japan'])
        expect((await readdir(join(bench.dataDir, 'published', channel))).sort()).toEqual(
          [...(items as { id: string }[]).map(({ id }) => id), 'current'].sort(),
        );
      await next.kill('SIGTERM');
    } finally {
      await bench.close();
    }
  });

  async function isNew(bench: CrashBench, http: string): Promise<boolean> {
    const [theirs, ours] = await Promise.all([
      fetchAsProduct(bench.upstream.url),
      fetchAsProduct(`${http}/activeupdate`),
    ]);
    return [...theirs.files.keys()].every((path) => ours.files.has(path));
  }
});
