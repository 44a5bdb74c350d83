import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ManualClock } from '../../src/platform/clock/clock.js';
import { DownloadScheduler } from '../../src/modules/download/download.scheduler.js';
import { filesLike, MirrorBench, outcomeOf, type ServedTree } from '../mirror-run/mirror-bench.js';

const PATTERN = '/api/v1/components/virus-pattern';
const OF_PATTERN = /vsapi|\/v_/;

/** Path → SHA-256; names of signatures are reused by other versions. */
function signaturesOf(tree: ServedTree | undefined): Map<string, string> {
  const files = Object.entries(tree?.files ?? {});
  return new Map(files.flatMap(([path, { sig }]) => (sig ? [[path.replace(/\.[^./]*$/, '.sig'), sig.sha256]] : [])));
}

describe('rollback', () => {
  const clock = new ManualClock(new Date('2026-03-02T00:00:00Z'));
  let bench: MirrorBench;
  /** What the two channels served after each publication, oldest first: 17.241 to 17.244. */
  let history: { global: ServedTree; japan: ServedTree }[];

  beforeEach(async () => {
    bench = await MirrorBench.open({ clock });
    history = [];
    for (let publication = 0; publication < 4; publication++) {
      if (publication > 0) bench.tree.publish(['virus-pattern']);
      clock.advance(60_000);
      await bench.api.download();
      history.push(await bench.served());
    }
  });
  afterEach(() => bench.close());

  async function expectServed(at: number): Promise<void> {
    const now = await bench.served();
    for (const channel of ['global', 'japan'] as const) {
      expect(filesLike(now[channel], OF_PATTERN)).toEqual(filesLike(history[at]?.[channel] as ServedTree, OF_PATTERN));
      expect(now[channel].manifest).toEqual(history[at]?.[channel].manifest);
    }
  }

  async function tick(): Promise<Awaited<ReturnType<MirrorBench['api']['ended']>>> {
    const app = bench.haishin.server.application();
    clock.advance(15 * 60_000 - (clock.now().getTime() % (15 * 60_000)));
    const id = await app?.get(DownloadScheduler).tick(clock.now());
    if (id == null) throw new Error('nothing was due');
    return bench.api.ended(id);
  }

  it('one generation, on both channels, and out of the schedule', async () => {
    const answer = await bench.api.post(`${PATTERN}/rollback`);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        rolledBack: true,
        scheduled: false,
        updateNeeded: true,
        channels: { global: { version: '17.243.00' }, japan: { version: '17.243.80' } },
      },
    });
    await expectServed(2);
    const [snapshot] = (await bench.api.get('/api/v1/snapshots')).body.items;
    expect(snapshot).toMatchObject({ reason: 'rollback', downloadId: null, inForce: ['global', 'japan'] });
    // No release was made of it, and no byte fetched.
    const { items } = (await bench.api.get('/api/v1/releases?component=virus-pattern')).body;
    expect(items).toHaveLength(8);
  });

  it('holds back no line that belongs to no component', async () => {
    await bench.api.post(`${PATTERN}/rollback`);
    const transform = (ini: Buffer): Buffer =>
      Buffer.from(
        ini.toString('latin1').replace('[Common]\r\n', '[Common]\r\n; a word to all\r\nNotice=1\r\n'),
        'latin1',
      );
    bench.upstream.set(/server\.ini$/, { kind: 'transform', transform });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded', snapshotId: expect.any(String) as unknown });
    const { global, japan } = await bench.served();
    expect(global.manifest).toContain('[Common]\r\n; a word to all\r\nNotice=1\r\n');
    expect(japan.manifest).toContain('[Common]\r\n; a word to all\r\nNotice=1\r\n');
    expect(filesLike(global, OF_PATTERN)).toEqual(filesLike(history[2]?.global as ServedTree, OF_PATTERN));
    expect(await bench.api.download()).toMatchObject({ snapshotId: null });
  });

  it('twice goes back further, not forth again', async () => {
    await bench.api.post(`${PATTERN}/rollback`);
    expect((await bench.api.post(`${PATTERN}/rollback`)).body.channels.global.version).toBe('17.242.00');
    await expectServed(1);
  });

  it('not to what was rolled back itself, unless it is named', async () => {
    const versionAfter = async (body?: object) =>
      (await bench.api.post(`${PATTERN}/rollback`, body)).body.channels?.global.version as unknown;
    expect(await versionAfter()).toBe('17.243.00');
    await bench.api.post(`${PATTERN}/resume`);
    bench.tree.publish(['virus-pattern']);
    expect(outcomeOf(await tick(), 'virus-pattern')).toMatchObject({ versionAfter: '17.245.00' });
    expect(await versionAfter()).toBe('17.243.00');
    await expectServed(2);
    expect(await versionAfter()).toBe('17.242.00');
    // What came into force again has its place in the line again.
    await bench.api.download(['virus-pattern']);
    expect(await versionAfter()).toBe('17.242.00');
    await bench.api.download(['virus-pattern']);
    expect(await versionAfter({ generations: 2 })).toBe('17.241.00');
    await bench.api.download(['virus-pattern']);
    const { items } = (await bench.api.get('/api/v1/releases?component=virus-pattern')).body;
    const wanted = (items as { id: string; version: string }[]).find(({ version }) => version === '17.244.00');
    expect(await versionAfter({ releaseId: wanted?.id })).toBe('17.244.00');
  });

  it('several generations at once, or to a release that is named', async () => {
    await bench.api.post(`${PATTERN}/rollback`, { generations: 3 });
    await expectServed(0);
    expect(await bench.api.post(`${PATTERN}/rollback`)).toMatchObject({
      status: 409,
      body: { code: 'rollback-impossible' },
    });
    const { items } = (await bench.api.get('/api/v1/releases?component=virus-pattern')).body;
    const wanted = (items as { id: string; version: string }[]).find(({ version }) => version === '17.242.00');
    expect(await bench.api.post(`${PATTERN}/rollback`, { releaseId: wanted?.id })).toMatchObject({ status: 409 });
    expect(await bench.api.post('/api/v1/components/absent/rollback')).toMatchObject({
      status: 404,
      body: { code: 'component-unknown' },
    });
    expect(await bench.api.post(`${PATTERN}/rollback`, { generations: 0 })).toMatchObject({ status: 400 });
  });

  it('to a release that is named', async () => {
    const { items } = (await bench.api.get('/api/v1/releases?component=virus-pattern')).body;
    const wanted = (items as { id: string; version: string }[]).find(({ version }) => version === '17.242.00');
    expect(await bench.api.post(`${PATTERN}/rollback`, { releaseId: wanted?.id })).toMatchObject({ status: 200 });
    await expectServed(1);
  });

  it('stays against the schedule and a download of everything; one that names it brings the newest', async () => {
    await bench.api.post(`${PATTERN}/rollback`);
    bench.tree.publish(['virus-pattern', 'spyware-pattern']);
    const scheduled = await tick();
    expect(outcomeOf(scheduled, 'virus-pattern')).toMatchObject({ outcome: 'held', offered: '17.245.00', error: null });
    expect(outcomeOf(scheduled, 'spyware-pattern')).toMatchObject({ outcome: 'updated' });
    expect(filesLike((await bench.served()).global, OF_PATTERN)).toEqual(
      filesLike(history[2]?.global as ServedTree, OF_PATTERN),
    );
    await bench.api.download();
    expect((await bench.api.get(PATTERN)).body).toMatchObject({ rolledBack: true, current: { version: '17.243.80' } });

    const named = await bench.api.download(['virus-pattern']);
    expect(outcomeOf(named, 'virus-pattern')).toMatchObject({ outcome: 'updated', versionAfter: '17.245.00' });
    expect((await bench.api.get(PATTERN)).body).toMatchObject({ rolledBack: false, updateNeeded: false });
    await bench.expectCurrent();
  });

  it('a download that names it ends the rollback also when it brings what is served already', async () => {
    await bench.api.post(`${PATTERN}/rollback`);
    await bench.api.download(['virus-pattern']);
    expect((await bench.api.get(PATTERN)).body).toMatchObject({ rolledBack: false, current: { version: '17.244.80' } });
    await expectServed(3);
  });

  it('a resumed component follows the schedule again', async () => {
    await bench.api.post(`${PATTERN}/rollback`);
    expect(await bench.api.post(`${PATTERN}/resume`)).toMatchObject({
      status: 200,
      body: { rolledBack: false, scheduled: true, current: { version: '17.243.80' } },
    });
    // Said again, it changes nothing.
    const log = async () => (await bench.api.get('/api/v1/events?trigger=resume')).body.items as unknown[];
    const lines = await log();
    expect(await bench.api.post(`${PATTERN}/resume`)).toMatchObject({ status: 200, body: { scheduled: true } });
    expect(await log()).toEqual(lines);
    expect(lines).toHaveLength(1);
    expect(outcomeOf(await tick(), 'virus-pattern')).toMatchObject({ outcome: 'updated', versionAfter: '17.244.00' });
    await bench.expectCurrent();
  });

  it('ends also while the index of the tree in force is lost', async () => {
    await bench.api.post(`${PATTERN}/rollback`);
    const index = join(bench.haishin.dataDir, 'published', 'global', 'current', 'index.json');
    await rename(index, `${index}.lost`);
    await bench.restart();
    expect(await bench.api.post(`${PATTERN}/resume`)).toMatchObject({ status: 200, body: { rolledBack: false } });
    const { items } = (await bench.api.get('/api/v1/events?limit=1')).body;
    expect(items).toMatchObject([{ trigger: 'resume', component: 'virus-pattern', version: '17.243.00' }]);
  });

  it('others go on being updated beside it, and a restart changes nothing', async () => {
    await bench.api.post(`${PATTERN}/rollback`, { generations: 2 });
    await bench.restart();
    bench.tree.publish(['P.800', 'antispam-pattern']);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const { global, japan } = await bench.served();
    expect(filesLike(global, OF_PATTERN)).toEqual(filesLike(history[1]?.global as ServedTree, OF_PATTERN));
    expect(japan.files).toEqual(global.files);
    expect(global.files['pattern/tsc1632.zip']).toBeDefined();
    expect(await bench.api.download()).toMatchObject({ state: 'unchanged' });
  });

  it('a component that was never published has nothing to go back to', async () => {
    expect(await bench.api.post('/api/v1/components/url-filtering-engine/rollback')).toMatchObject({
      status: 409,
      body: { code: 'rollback-impossible' },
    });
  });
});

it('a rollback is seen by a product that knows no more than a date', async () => {
  // What comes back was recorded here before the source dated what came after it.
  const clock = new ManualClock(new Date('2023-01-01T00:00:00Z'));
  const bench = await MirrorBench.open({ clock });
  await bench.api.download();
  const before = signaturesOf((await bench.served()).global);
  bench.tree.publish(['virus-pattern']);
  await bench.api.download();
  const after = signaturesOf((await bench.served()).global);
  bench.tree.publish(['virus-pattern']);
  await bench.api.download();
  const last = signaturesOf((await bench.served()).global);
  const reused = [...after].filter(([path, sha256]) => before.has(path) && before.get(path) !== sha256);
  // Among them one that is served only because an earlier snapshot has it.
  expect(reused.filter(([path]) => !last.has(path))).not.toEqual([]);
  const [, snapshot] = (await bench.api.get('/api/v1/snapshots')).body.items as { id: string }[];
  const dated = await Promise.all(
    reused.map(async ([path]) => {
      const frozen = `${bench.haishin.http}/activeupdate/@${snapshot?.id}/${path}`;
      const url = `${bench.haishin.http}/activeupdate/${path}`;
      const answer = await fetch(frozen);
      return { url, bytes: await answer.text(), date: answer.headers.get('last-modified') ?? '' };
    }),
  );
  clock.advance(4 * 365 * 86_400_000);
  await bench.api.post(`${PATTERN}/rollback`, { generations: 2 });
  for (const { url, bytes, date } of dated) {
    const answer = await fetch(url, { headers: { 'if-modified-since': date } });
    expect(answer.status).toBe(200);
    expect(await answer.text()).not.toBe(bytes);
  }
  await bench.close();
});
