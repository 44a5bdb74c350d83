import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { SnapshotIndex } from '../../src/mirror/snapshot/held-file.js';
import { AddedTree } from '../support/added-tree.js';
import { MirrorBench, outcomeOf } from './mirror-bench.js';

const TOOL = 'product/some tool.exe';

describe('a tree of an earlier version, which did not read every line of its manifest', () => {
  let bench: MirrorBench;
  let tree: AddedTree;

  beforeEach(async () => {
    tree = new AddedTree({ scale: 0.0005 });
    tree.added.set(TOOL, 'a tool');
    bench = await MirrorBench.open({ tree });
    const section = `[Tools]\r\nTool.1=${TOOL}, 6\r\n\r\n[ENGINE]`;
    bench.upstream.set(/\/server\.ini$/, {
      kind: 'transform',
      transform: (ini) => Buffer.from(ini.toString('latin1').replace('[ENGINE]', section), 'latin1'),
    });
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    await bench.haishin.stop();
    for (const channel of ['global', 'japan']) {
      const path = join(bench.haishin.dataDir, 'published', channel, 'current', 'index.json');
      const index = JSON.parse(await readFile(path, 'utf8')) as SnapshotIndex;
      const files = index.files.filter((file) => file.path !== TOOL);
      expect(files).toHaveLength(index.files.length - 1);
      await writeFile(path, JSON.stringify({ ...index, files }));
    }
    const database = new pg.Client({ connectionString: bench.haishin.database.url });
    await database.connect();
    expect((await database.query('delete from upstream_file where path = $1', [TOOL])).rowCount).toBe(1);
    await database.end();
    await bench.restart();
  });
  afterEach(() => bench.close());

  const tool = async (): Promise<number> =>
    (await fetch(`${bench.haishin.http}/activeupdate/${encodeURI(TOOL)}`)).status;

  it('holds nothing up that has nothing to do with it, and is completed when the source can', async () => {
    tree.added.delete(TOOL);
    bench.tree.publish(['virus-pattern']);
    const download = await bench.api.download();
    expect(download).toMatchObject({ state: 'partial' });
    expect(outcomeOf(download, 'virus-pattern')).toMatchObject({ outcome: 'updated' });
    expect(outcomeOf(download, '[Tools]')).toMatchObject({ error: { code: 'upstream-not-found' } });
    const manifest = await fetch(`${bench.haishin.http}/activeupdate/server.ini`);
    expect(await manifest.text()).toContain(`Tool.1=${TOOL}`);

    expect(await bench.api.post('/api/v1/components/virus-pattern/rollback')).toMatchObject({ status: 200 });
    expect(await tool()).toBe(404);

    tree.added.set(TOOL, 'a tool');
    expect(await bench.api.download()).toMatchObject({ state: 'succeeded' });
    expect(await tool()).toBe(200);
  });
});
