import { DataSource } from 'typeorm';
import { ManualClock } from '../../src/platform/clock/clock.js';
import { DownloadScheduler } from '../../src/modules/download/download.scheduler.js';
import { MirrorBench, outcomeOf } from '../mirror-run/mirror-bench.js';

const MINUTE = 60_000;

describe('scheduled downloads', () => {
  let clock: ManualClock;
  let bench: MirrorBench;
  beforeEach(async () => {
    clock = new ManualClock(new Date('2026-03-02T00:00:07Z'));
    bench = await MirrorBench.open({ clock });
  });
  afterEach(() => bench.close());

  function scheduler(): DownloadScheduler {
    const app = bench.haishin.server.application();
    if (app === null) throw new Error('the application is not there');
    return app.get(DownloadScheduler);
  }

  async function run(): Promise<Awaited<ReturnType<MirrorBench['api']['ended']>>> {
    const id = await scheduler().tick(clock.now());
    if (id === null) throw new Error('nothing was due');
    return bench.api.ended(id);
  }

  it('run at the tick, as the schedule, over what is scheduled', async () => {
    expect(await run()).toMatchObject({ trigger: 'schedule', startedBy: 'schedule', state: 'succeeded' });
    clock.advance(14 * MINUTE);
    expect(await scheduler().tick(clock.now())).toBeNull();
    clock.advance(MINUTE);
    expect(await run()).toMatchObject({ state: 'unchanged' });
  });

  it('once per tick, however often it is looked at', async () => {
    await run();
    expect(await scheduler().tick(clock.now())).toBeNull();
    clock.advance(30_000);
    expect(await scheduler().tick(clock.now())).toBeNull();
    // The clock is set back into a minute that has had its download.
    clock.advance(15 * MINUTE);
    await run();
    clock.advance(-15 * MINUTE);
    expect(await scheduler().tick(clock.now())).toBeNull();
  });

  it('again at a minute of a day that a clock which was ahead has had already', async () => {
    const { id } = await run();
    expect(await scheduler().tick(clock.now())).toBeNull();
    // Nine hours have gone by since then, by the clock of the database, and now it is that minute.
    const dataSource = bench.haishin.server.application()?.get(DataSource);
    await dataSource?.query(`update download set heartbeat_at = heartbeat_at - interval '9 hours' where id = $1`, [id]);
    expect((await run()).id).not.toBe(id);
    expect(await scheduler().tick(clock.now())).toBeNull();
  });

  it('never when switched off, and again when switched on', async () => {
    await bench.setting('download-schedule', { enabled: false });
    expect(await scheduler().tick(clock.now())).toBeNull();
    expect((await bench.api.get('/api/v1/settings/download-schedule/next')).body).toEqual({ next: null });
    await bench.setting('download-schedule', { enabled: true });
    expect((await bench.api.get('/api/v1/settings/download-schedule/next')).body).toEqual({
      next: '2026-03-02T00:15:00.000Z',
    });
    await run();
  });

  it('ticks that were missed are not made up for', async () => {
    await run();
    clock.advance(7 * 60 * MINUTE);
    await run();
    expect((await bench.api.get('/api/v1/downloads')).body.items).toHaveLength(2);
    expect(await scheduler().tick(clock.now())).toBeNull();
  });

  it('a tick while another download runs is let pass', async () => {
    bench.upstream.set(/server\.ini$/, { kind: 'hang-before-headers' });
    const { id } = (await bench.api.post('/api/v1/downloads')).body;
    expect(await scheduler().tick(clock.now())).toBeNull();
    bench.upstream.clear();
    await bench.api.ended(id as string);
    clock.advance(15 * MINUTE);
    expect(await run()).toMatchObject({ trigger: 'schedule' });
  });

  it('leave a component alone that is not scheduled; by hand it is had all the same', async () => {
    await run();
    expect((await bench.api.call('PATCH', '/api/v1/components/virus-pattern', { scheduled: false })).status).toBe(200);
    bench.tree.publish(['virus-pattern', 'spyware-pattern']);
    clock.advance(15 * MINUTE);
    const scheduled = await run();
    expect(scheduled).toMatchObject({ state: 'succeeded' });
    expect(outcomeOf(scheduled, 'virus-pattern')).toMatchObject({ outcome: 'left-out', offered: '17.242.00' });
    expect(outcomeOf(scheduled, 'spyware-pattern')).toMatchObject({ outcome: 'updated' });
    expect(await bench.api.component('virus-pattern')).toMatchObject({
      scheduled: false,
      updateNeeded: true,
      available: { state: 'version', version: '17.242.00' },
    });
    const manual = await bench.api.download();
    expect(outcomeOf(manual, 'virus-pattern')).toMatchObject({ outcome: 'updated' });
    await bench.expectCurrent();
  });
});

describe('licences', () => {
  let clock: ManualClock;
  let bench: MirrorBench;
  beforeEach(async () => {
    clock = new ManualClock(new Date('2026-03-02T00:00:00Z'));
    bench = await MirrorBench.open({ clock });
  });
  afterEach(() => bench.close());

  it('a component whose licence is missing is neither selectable nor downloaded', async () => {
    await bench.setting('licences', { licences: [{ name: 'base', active: true, expiresAt: null }] });
    expect(await bench.api.component('antispam-pattern')).toMatchObject({ licensed: false });
    expect(await bench.api.component('virus-pattern')).toMatchObject({ licensed: true });
    expect(await bench.api.post('/api/v1/downloads', { components: ['antispam-pattern'] })).toMatchObject({
      status: 422,
      body: { code: 'component-not-licensed', component: 'antispam-pattern', licence: 'anti-spam' },
    });
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'succeeded' });
    expect(outcomeOf(download, 'antispam-pattern')).toMatchObject({ outcome: 'left-out', versionAfter: null });
    expect((await bench.served()).global.manifest).not.toMatch(/^P\.10001[.=]/m);

    await bench.setting('licences', {
      licences: [
        { name: 'base', active: true, expiresAt: null },
        { name: 'anti-spam', active: true, expiresAt: '2026-04-01T00:00:00Z' },
      ],
    });
    const next = await bench.api.download();
    expect(outcomeOf(next, 'antispam-pattern')).toMatchObject({ outcome: 'updated' });
    await bench.expectCurrent();

    // What is there stays when the licence runs out; newer ones do not come.
    clock.advance(40 * 24 * 60 * MINUTE);
    bench.tree.publish(['antispam-pattern']);
    const late = await bench.api.download();
    expect(outcomeOf(late, 'antispam-pattern')).toMatchObject({ outcome: 'left-out' });
    expect((await bench.served()).global.files['pattern/rr/rr_1.10739.00']).toBeDefined();
    expect(await bench.api.component('antispam-pattern')).toMatchObject({ licensed: false, updateNeeded: true });
  });
});
