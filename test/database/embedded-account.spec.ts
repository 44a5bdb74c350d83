import { existsSync } from 'node:fs';
import { chmod, chown, cp, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedSite, query } from './embedded-site.js';

const isRoot = process.geteuid?.() === 0;
if (!isRoot) process.stderr.write('skipped: only root may start it as another account\n');
const asRoot = isRoot ? it : it.skip;
const NOBODY = { uid: 65_534, gid: 65_534 };

describe('the account of embedded PostgreSQL', () => {
  let site: EmbeddedSite;
  beforeEach(async () => {
    site = await EmbeddedSite.open();
  });
  afterEach(() => site.close());

  asRoot('runs as an account without rights when started by root', async () => {
    await site.start();
    const status = await readFile(`/proc/${await site.postmasterPid()}/status`, 'utf8');
    expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe(String(NOBODY.uid));
    expect((await stat(join(site.dataDir, 'cluster'))).uid).toBe(NOBODY.uid);
  });

  asRoot('runs below a directory that only root may enter', async () => {
    await chmod(site.parent, 0o700);
    const first = await site.start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    // A relation file created long after the start proves that the way into the directory holds.
    await query(first.url, 'CREATE TABLE later AS SELECT generate_series(1, 10000) AS value; CHECKPOINT');
    expect(first.connectionOptions.host.startsWith(site.dataDir)).toBe(false);
    await first.stop();
    expect(existsSync(first.connectionOptions.host)).toBe(false);
    const again = await site.start();
    expect(await query(again.url, 'SELECT value FROM kept')).toBe(42);
  });

  asRoot('starts on a copy that belongs to root, as one from a backup does', async () => {
    const first = await site.start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    await first.stop();
    const copy = join(site.parent, 'copy');
    await cp(site.dataDir, copy, { recursive: true });
    expect((await stat(join(copy, 'cluster', 'base'))).uid).toBe(0);
    site.dataDir = copy;
    expect(await query((await site.start()).url, 'SELECT value FROM kept')).toBe(42);
    expect((await stat(join(copy, 'cluster', 'base'))).uid).toBe(NOBODY.uid);
  });

  asRoot('runs as a normal user', async () => {
    await chown(site.parent, NOBODY.uid, NOBODY.gid);
    const owner = await site.own(NOBODY);
    expect(owner.report).toMatchObject({ url: expect.stringContaining('postgresql://') });
    expect((await stat(join(site.dataDir, 'cluster'))).uid).toBe(NOBODY.uid);
    await owner.end('SIGTERM');
    expect(await site.postmasterPid()).toBeUndefined();
    // Started by root afterwards, it stays that user's.
    await (await site.start()).stop();
    expect((await stat(join(site.dataDir, 'cluster', 'base'))).uid).toBe(NOBODY.uid);
    const other = { uid: 12_345, gid: 12_345 };
    await chmod(site.dataDir, 0o777);
    expect((await site.own(other)).report).toMatchObject({ code: 'embedded-database-owner' });
  });
});
