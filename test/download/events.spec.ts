import { ManualClock } from '../../src/platform/clock/clock.js';
import { DownloadScheduler } from '../../src/modules/download/download.scheduler.js';
import { MirrorBench } from '../mirror-run/mirror-bench.js';

interface Event {
  trigger: string;
  component: string | null;
  outcome: string;
  version: string | null;
  versionBefore: string | null;
  actor: string;
  downloadId: string | null;
  code: string | null;
  text: { ja: string; en: string };
}

describe('the update log', () => {
  const clock = new ManualClock(new Date('2026-03-02T00:00:00Z'));
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open({ clock });
    await bench.api.download();
    bench.tree.publish(['virus-pattern']);
  });
  afterEach(() => bench.close());

  async function events(query = ''): Promise<Event[]> {
    return (await bench.api.get(`/api/v1/events?limit=500${query}`)).body.items as Event[];
  }

  async function tick(): Promise<string> {
    const app = bench.haishin.server.application();
    clock.advance(15 * 60_000);
    const id = await app?.get(DownloadScheduler).tick(clock.now());
    if (id == null) throw new Error('nothing was due');
    await bench.api.ended(id);
    return id;
  }

  it('has one line per component and outcome of a scheduled download, in both languages', async () => {
    const id = await tick();
    const lines = (await events()).filter(({ downloadId }) => downloadId === id);
    expect(lines).toEqual([
      expect.objectContaining({
        trigger: 'schedule',
        component: 'virus-pattern',
        outcome: 'updated',
        version: '17.242.00',
        versionBefore: '17.241.00',
        actor: 'schedule',
        text: {
          ja: '予約アップデート: ウイルスパターンファイル 17.242.00 を取得し、公開しました。',
          en: 'Scheduled update: Virus Pattern 17.242.00 was downloaded and published.',
        },
      }),
    ]);
    // Nothing new is no line for the schedule …
    await tick();
    expect(await events('&trigger=schedule')).toHaveLength(1);
  });

  it('tells a person what is current already, of what was asked for and nothing else', async () => {
    await tick();
    const { id } = await bench.api.download(['virus-pattern']);
    const lines = (await events()).filter(({ downloadId }) => downloadId === id);
    for (const line of lines) expect(line).toMatchObject({ component: 'virus-pattern', outcome: 'unchanged' });
    bench.tree.publish(['spyware-pattern']);
    const next = await bench.api.download(['spyware-pattern', 'virus-pattern']);
    const told = (await events()).filter(({ downloadId }) => downloadId === next.id);
    expect(told.map(({ component, outcome }) => `${component} ${outcome}`).sort()).toEqual([
      'spyware-pattern updated',
      'virus-pattern unchanged',
    ]);
    expect(told.find(({ outcome }) => outcome === 'unchanged')?.text).toEqual({
      ja: '手動アップデート: ウイルスパターンファイル 17.242.00 はすでに最新です。',
      en: 'Manual update: Virus Pattern 17.242.00 is current already.',
    });
  });

  it('names the component, the reason and what stays in force when one fails', async () => {
    bench.upstream.set(/vsapi\d+\.zip$/, { kind: 'corrupted' });
    await tick();
    expect((await events('&outcome=failed'))[0]).toMatchObject({
      trigger: 'schedule',
      component: 'virus-pattern',
      code: 'zip-corrupt',
      text: {
        ja: expect.stringMatching(
          /^予約アップデート: ウイルスパターンファイル を更新できませんでした .*17\.241\.00/,
        ) as unknown,
        en: expect.stringMatching(
          /^Scheduled update: Virus Pattern could not be updated .*17\.241\.00 stays/,
        ) as unknown,
      },
    });
  });

  it('has one line when the source as a whole cannot be read', async () => {
    await bench.upstream.refuseConnections();
    await tick();
    await bench.api.download();
    const failed = await events('&outcome=failed');
    expect(failed.map(({ trigger, component, code }) => [trigger, component, code])).toEqual([
      ['manual', null, 'upstream-unreachable'],
      ['schedule', null, 'upstream-unreachable'],
    ]);
    expect(failed[0]?.text.ja).toMatch(/^手動アップデート: アップデート元を読み取れませんでした/);
    expect(failed[1]?.text.en).toMatch(
      /^Scheduled update: the update source could not be read .*Everything that is published stays in force\./,
    );
  });

  it('tells rollbacks and their end', async () => {
    await tick();
    await bench.api.post('/api/v1/components/virus-pattern/rollback');
    await bench.api.post('/api/v1/components/virus-pattern/resume');
    const [resumed, rolledBack] = await events();
    expect(rolledBack).toMatchObject({
      trigger: 'rollback',
      version: '17.241.00',
      versionBefore: '17.242.00',
      actor: 'bootstrap',
      text: {
        ja: 'ロールバック: ウイルスパターンファイル を 17.241.00 に戻し、予約の対象から外しました。',
        en: 'Rollback: Virus Pattern was put back to 17.241.00 and left the schedule.',
      },
    });
    expect(resumed).toMatchObject({
      trigger: 'resume',
      version: '17.241.00',
      text: {
        en: 'Resumed: Virus Pattern follows the schedule again; 17.241.00 stays in force until a download brings another.',
      },
    });
  });

  it('can be searched by component, trigger, outcome and time, and read in pages', async () => {
    await tick();
    const all = await events();
    expect(await events('&component=virus-pattern')).toEqual(
      all.filter(({ component }) => component === 'virus-pattern'),
    );
    expect(await events('&trigger=manual')).toEqual(all.filter(({ trigger }) => trigger === 'manual'));
    expect(await events(`&from=${clock.now().toISOString()}`)).toEqual(all.slice(0, 1));
    expect(await events(`&to=${clock.now().toISOString()}`)).toEqual(all.slice(1));
    const paged: Event[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body }: { body: { items: Event[]; next: string | null } } = await bench.api.get(
        `/api/v1/events?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      paged.push(...body.items);
      cursor = body.next;
    }
    expect(paged).toEqual(all);
  });
});
