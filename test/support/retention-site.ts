import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { DownloadService } from '../../src/modules/download/download.service.js';
import { RetentionScheduler } from '../../src/modules/download/retention.scheduler.js';
import { ManualClock } from '../../src/platform/clock/clock.js';
import { SampleTree } from '../../src/sample-upstream/sample-tree.js';
import { FaultyUpstream } from './faulty-upstream.js';
import { startHaishin, type ApiAnswer, type TestHaishin } from './haishin.js';
import { checkConsistency, fetchAsProduct } from './reference-client.js';

export const HOUR_MS = 3_600_000;

/** A mirror that grows old: its clock only moves when told to, and its contents can be made older. */
export class RetentionSite {
  private constructor(
    readonly clock: ManualClock,
    public upstream: FaultyUpstream,
    readonly haishin: TestHaishin,
  ) {}

  static async start(): Promise<RetentionSite> {
    const clock = new ManualClock(new Date());
    const upstream = await FaultyUpstream.start({ tree: new SampleTree({ scale: 0.0005 }) });
    return new RetentionSite(clock, upstream, await startHaishin({ upstreamUrl: upstream.url, clock }));
  }

  async dispose(): Promise<void> {
    await this.haishin.dispose();
    await this.upstream.close();
  }

  get api(): TestHaishin['api'] {
    return this.haishin.api;
  }

  /** A collection by itself begins after the end of its download is to be seen. */
  async settled(): Promise<void> {
    const application = this.haishin.server.application();
    await application?.get(DownloadService).idle();
    await application?.get(RetentionScheduler).idle();
  }

  async rules(keepVersions: number, keepSnapshots: number, graceHours = 1): Promise<void> {
    const setting = (await this.api.get('/api/v1/settings/distribution')).body;
    const retention = { keepVersions, keepSnapshots, graceHours };
    expect(await this.api.put('/api/v1/settings/distribution', { ...setting, retention })).toMatchObject({
      status: 200,
    });
  }

  /** Some publications, three hours apart; answers the ids of their snapshots, oldest first. */
  async publications(count: number): Promise<string[]> {
    const ids: string[] = [];
    for (let n = 0; n < count; n++) {
      if (n > 0) this.upstream.tree.publish(['virus-pattern']);
      const download = await this.api.download();
      expect(download).toMatchObject({ state: 'succeeded' });
      ids.push(download.snapshotId as string);
      this.clock.advance(3 * HOUR_MS);
    }
    await this.settled();
    return ids;
  }

  async blobs(): Promise<string[]> {
    const root = join(this.haishin.dataDir, 'blobs');
    const folders = await readdir(root);
    return (await Promise.all(folders.map((folder) => readdir(join(root, folder))))).flat();
  }

  /** Contents of this very hour are never touched: makes them older. */
  async age(): Promise<void> {
    const then = new Date(Date.now() - 2 * HOUR_MS);
    for (const sha256 of await this.blobs())
      await utimes(join(this.haishin.dataDir, 'blobs', sha256.slice(0, 2), sha256), then, then);
  }

  async run(): Promise<ApiAnswer['body']> {
    const answer = await this.api.post('/api/v1/retention/run');
    expect(answer).toMatchObject({ status: 200 });
    return answer.body;
  }

  async expectWhole(base: string): Promise<void> {
    const tree = await fetchAsProduct(`${this.haishin.http}${base}`);
    expect([...tree.problems, ...checkConsistency(tree.manifest, tree.files)]).toEqual([]);
  }

  /** Raw versions of the virus pattern that are held. */
  async versions(): Promise<string[]> {
    const { body } = await this.api.get('/api/v1/releases?component=virus-pattern');
    return (body.items as ApiAnswer['body'][]).map((release) => release.rawVersion as string);
  }
}

export function idsOf(list: { id: string }[]): string[] {
  return list.map(({ id }) => id).sort();
}
