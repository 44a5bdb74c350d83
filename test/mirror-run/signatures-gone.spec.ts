import { ManualClock } from '../../src/platform/clock/clock.js';
import type { ApiAnswer } from '../support/haishin.js';
import { filesLike, MirrorBench, outcomeOf } from './mirror-bench.js';

const HOUR_MS = 3_600_000;
const VIRUS_PATTERN = /pattern\/(vsapi\d+|v_\d+)\./;
const SIGNATURES = /\/(vsapi\d+|v_\d+)\.sig$/;

describe('a vendor who signs a component no more', () => {
  const clock = new ManualClock(new Date());
  let bench: MirrorBench;
  beforeEach(async () => {
    bench = await MirrorBench.open({ clock });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterEach(() => bench.close());

  const stopSigning = (): void => bench.upstream.set(SIGNATURES, { kind: 'status', status: 404 });
  /** Something new, so many hours later. */
  const newPattern = async (hours: number): Promise<ApiAnswer['body']> => {
    clock.advance(hours * HOUR_MS);
    bench.tree.publish(['virus-pattern']);
    return outcomeOf(await bench.api.download(), 'virus-pattern');
  };
  const available = async (): Promise<ApiAnswer['body']> => (await bench.api.component('virus-pattern')).available;
  const decide = async (signatures: string): Promise<void> =>
    expect(await bench.api.call('PATCH', '/api/v1/components/virus-pattern', { signatures })).toMatchObject({
      status: 200,
      body: { signatures },
    });

  it('is told after a day, with since when and what can be done; nothing unsigned is published', async () => {
    const before = await bench.served();
    stopSigning();
    const since = clock.now().toISOString();
    expect(await newPattern(0)).toMatchObject({ outcome: 'failed', error: { code: 'upstream-publishing' } });
    // Another fault in between does not make it forgotten, nor do further releases or downloads of something else.
    bench.upstream.set(/vsapi\d+\.zip$/, { kind: 'status', status: 500 });
    expect(await newPattern(10)).toMatchObject({ outcome: 'failed', error: { code: 'upstream-http-status' } });
    bench.upstream.clear();
    stopSigning();
    await bench.api.download(['spyware-pattern']);
    await bench.restart();
    expect(await newPattern(13)).toMatchObject({ outcome: 'failed', error: { code: 'upstream-publishing' } });
    const gone = await newPattern(1);
    expect(gone).toMatchObject({ outcome: 'failed', error: { code: 'signatures-gone' } });
    for (const text of Object.values(gone.error.text as Record<string, string>))
      expect(text).toEqual(expect.stringMatching(new RegExp(`^(?=.*${since})(?=.*virus-pattern)(?=.*optional)`)));
    expect(await available()).toMatchObject({ state: 'unknown', reason: 'signatures-gone' });
    expect(filesLike((await bench.served()).global, VIRUS_PATTERN)).toEqual(filesLike(before.global, VIRUS_PATTERN));
  });

  it('is followed by somebody’s decision, and then like any other; earlier signatures stay behind', async () => {
    stopSigning();
    await newPattern(0);
    await decide('optional');
    // As long as any that may follow.
    const download = await bench.api.download();
    const { error } = outcomeOf(download, 'virus-pattern');
    expect(error).toMatchObject({
      code: 'upstream-publishing',
      message: expect.stringContaining('in an hour') as string,
    });
    clock.advance(HOUR_MS);
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    const { global } = await bench.served();
    expect(Object.values(filesLike(global, VIRUS_PATTERN)).map(({ sig }) => sig)).toEqual(
      Object.values(filesLike(global, VIRUS_PATTERN)).map(() => undefined),
    );
    // A name that the earlier release had, too.
    expect((await fetch(`${bench.haishin.http}/activeupdate/pattern/v_240.sig`)).status).toBe(404);
    expect(await available()).toMatchObject({ state: 'version', reason: null });
    // From now on the earlier files have none either.
    await decide('as-before');
    expect(await newPattern(5)).toMatchObject({ outcome: 'updated' });
    await bench.expectCurrent();
  });

  it('is forgotten when the signatures come after all', async () => {
    stopSigning();
    await newPattern(0);
    bench.upstream.clear();
    expect(await newPattern(20)).toMatchObject({ outcome: 'updated' });
    stopSigning();
    expect(await newPattern(20)).toMatchObject({ outcome: 'failed', error: { code: 'upstream-publishing' } });
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('of a component that comes back nothing unsigned is published either', async () => {
    const selection = { mode: 'selected', components: ['spyware-pattern'] };
    const { selection: all } = await bench.setting('update-source', {});
    await bench.setting('update-source', { selection });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.setting('update-source', { selection: all });
    // Some of them alone.
    bench.upstream.set(/\/v_\d+\.sig$/, { kind: 'status', status: 404 });
    for (const run of [1, 2]) {
      const outcome = outcomeOf(await bench.api.download(), 'virus-pattern');
      expect([run, outcome]).toMatchObject([run, { outcome: 'failed', error: { code: 'upstream-publishing' } }]);
    }
    expect(filesLike((await bench.served()).global, VIRUS_PATTERN)).toEqual({});
    bench.upstream.clear();
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.expectCurrent();
  });

  it('is told of an entry that belongs to no component, too', async () => {
    stopSigning();
    await newPattern(0);
    const { entries } = await bench.api.component('virus-pattern');
    await bench.api.call('PATCH', '/api/v1/components/virus-pattern', { entries: [] });
    await newPattern(1);
    clock.advance(25 * HOUR_MS);
    const { components } = await bench.api.download();
    expect((components as ApiAnswer['body'][]).find(({ id }) => id === 'P.4')).toMatchObject({
      error: { code: 'signatures-gone', message: expect.stringContaining('add a component with this entry') as string },
    });
    expect(entries).toEqual(['P.4']);
  });
});
