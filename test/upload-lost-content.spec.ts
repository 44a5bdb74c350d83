import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { TestHaishin } from './support/haishin.js';
import { startMirror, type Mirror } from './support/mirror.js';
import { until } from './support/until.js';
import { uploadTo } from './support/upload.js';
import { zipOf } from './support/zip-file.js';

/** The lock of `publishing-lock.ts`. */
const PUBLISHING_LOCK = 7_224_801_519;

describe('an upload whose content is taken away while it waits for its turn', () => {
  let mirror: Mirror;
  let haishin: TestHaishin;

  beforeAll(async () => {
    mirror = await startMirror();
    haishin = mirror.haishin;
    expect(await haishin.api.download()).toMatchObject({ state: 'succeeded' });
  });
  afterAll(() => mirror.dispose());

  it.each([
    ['only recorded', '10.100.00'],
    ['published', '99.100.00'],
  ])('is refused when it would be %s, and comes in when it is brought again', async (_, version) => {
    const content = await zipOf(800, version);
    const parts = { file: { name: 'lpt100.zip', content }, version };
    const sha256 = createHash('sha256').update(content).digest('hex');
    const before = (await haishin.api.get('/api/v1/releases')).body.items;
    const node = new pg.Client({ connectionString: haishin.database.url });
    await node.connect();
    try {
      await node.query('select pg_advisory_lock($1)', [PUBLISHING_LOCK]);
      const answer = uploadTo(haishin, 'virus-pattern', parts);
      const blob = join(haishin.dataDir, 'blobs', sha256.slice(0, 2), sha256);
      await until('its content is stored', () => existsSync(blob));
      await rm(blob);
      await node.query('select pg_advisory_unlock($1)', [PUBLISHING_LOCK]);
      expect(await answer).toMatchObject({ body: { code: 'blob-missing', sha256 } });
    } finally {
      await node.end();
    }
    expect((await haishin.api.get('/api/v1/releases')).body.items).toEqual(before);
    expect(await uploadTo(haishin, 'virus-pattern', parts)).toMatchObject({ status: 201 });
  });
});
