import type { PublishStep } from '../../src/mirror/snapshot/snapshot-publisher.js';
import { AppError } from '../../src/platform/errors/app-error.js';
import { MirrorBench, outcomeOf } from './mirror-bench.js';

describe('a download that fails after its snapshot was recorded', () => {
  let bench: MirrorBench;
  let failAt: PublishStep | null;
  beforeEach(async () => {
    failAt = null;
    const reached = (step: PublishStep): void => {
      if (step !== failAt) return;
      failAt = null;
      throw new AppError('storage', 'disk-full');
    };
    bench = await MirrorBench.open({ publishSteps: { reached } });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterEach(() => bench.close());

  it.each(['recorded', 'flipped-one', 'flipped', 'marked'] as const)(
    'has come out as recorded, and is served: "%s"',
    async (step) => {
      bench.tree.publish(['virus-pattern']);
      failAt = step;
      const download = await bench.api.download();
      expect(download).toMatchObject({ state: 'succeeded', error: null });
      expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'updated' });
      await bench.expectCurrent();
      const [channel] = (await bench.api.get('/api/v1/channels')).body.items;
      expect(channel).toMatchObject({ snapshotId: download.snapshotId });
      const events = (await bench.api.get('/api/v1/events?limit=3')).body.items;
      expect(events.map((each: { outcome: string }) => each.outcome)).not.toContain('failed');
    },
  );

  it('says that it failed when nothing was recorded', async () => {
    const before = await bench.served();
    bench.tree.publish(['virus-pattern']);
    failAt = 'staged';
    expect(await bench.api.download()).toMatchObject({
      state: 'failed',
      snapshotId: null,
      error: { code: 'disk-full' },
    });
    expect(await bench.served()).toEqual(before);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });
});
