import { ManualClock } from '../../src/platform/clock/clock.js';
import { MirrorBench, servedTree } from './mirror-bench.js';

const HOUR = 3_600_000;

describe('a clock that jumps', () => {
  const clock = new ManualClock(new Date('2026-03-02T12:00:00Z'));
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open({ clock });
  });
  afterEach(() => bench.close());

  it('backwards: what was published last is newest, earlier snapshots stay reachable, rollback finds its way', async () => {
    await bench.api.download();
    clock.advance(24 * HOUR);
    bench.tree.publish(['virus-pattern']);
    await bench.api.download();
    clock.advance(-20 * HOUR);
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();

    const { items } = (await bench.api.get('/api/v1/snapshots')).body;
    expect(items[0].inForce.sort()).toEqual(['global', 'japan']);
    const ids = (items as { id: string }[]).map(({ id }) => id);
    expect(ids).toEqual([...ids].sort().reverse());
    for (const id of ids) await servedTree(`${bench.haishin.http}/activeupdate/@${id}`);
    expect((await fetch(`${bench.haishin.http}/activeupdate/pattern/vsapi241.zip`)).status).toBe(200);

    const back = (await bench.api.post('/api/v1/components/virus-pattern/rollback')).body;
    expect(back.channels.global).toMatchObject({ version: '17.242.00' });
    await bench.restart();
    await bench.served();
  });

  it('forwards by years and back: downloads go on', async () => {
    await bench.api.download();
    clock.advance(10 * 365 * 24 * HOUR);
    bench.tree.publish(['spyware-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    clock.advance(-10 * 365 * 24 * HOUR);
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
    bench.tree.publish(['virus-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });
});
