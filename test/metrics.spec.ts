import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startMirror, type Mirror } from './support/mirror.js';

describe('GET /metrics', () => {
  let mirror: Mirror;

  beforeEach(async () => {
    mirror = await startMirror();
  });

  afterEach(() => mirror.dispose());

  async function read(): Promise<Map<string, number>> {
    const answer = await fetch(`${mirror.haishin.http}/metrics`);
    expect(answer.status).toBe(200);
    const lines = (await answer.text()).split('\n').filter((line) => line.startsWith('haishin_'));
    return new Map(
      lines.map((line): [string, number] => {
        const at = line.lastIndexOf(' ');
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
    );
  }

  it('tells when each channel was published, when downloads ended, and what is behind', async () => {
    const download = await mirror.haishin.api.download();
    const metrics = await read();
    for (const channel of ['global', 'japan']) {
      const file = join(mirror.haishin.dataDir, 'published', channel, 'current', 'index.json');
      const { publishedAt } = JSON.parse(await readFile(file, 'utf8')) as { publishedAt: string };
      expect(metrics.get(`haishin_channel_published_seconds{channel="${channel}"}`)).toBe(
        Date.parse(publishedAt) / 1000,
      );
    }
    expect(metrics.get('haishin_download_last_finished_seconds{state="succeeded"}')).toBe(
      Date.parse(download.finishedAt as string) / 1000,
    );
    expect(metrics.get('haishin_component_update_needed{component="virus-pattern"}')).toBe(0);
    expect(metrics.get('haishin_disk_free_bytes')).toBeGreaterThan(0);
    expect([...metrics.keys()].filter((name) => name.startsWith('haishin_component_unknown'))).toEqual([]);
  });

  it('tells since when a source cannot be asked, and of a failed download', async () => {
    await mirror.haishin.api.download();
    await mirror.upstream.close();
    await mirror.haishin.api.download();
    const metrics = await read();
    const { available } = (await mirror.haishin.api.get('/api/v1/components/virus-pattern')).body;
    const name = `haishin_component_unknown_since_seconds{component="virus-pattern",reason="${available.reason}"}`;
    expect(metrics.get(name)).toBe(Date.parse(available.since as string) / 1000);
    expect(metrics.has('haishin_download_last_finished_seconds{state="failed"}')).toBe(true);
  });
});
