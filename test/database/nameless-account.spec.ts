import { chmod, chown, lchown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/database/embedded/embedded-postgres.js';
import { startOwner } from '../support/owner-process.js';
import { silentLogger } from '../support/silent-logger.js';

const asRoot = process.geteuid?.() === 0 ? it : it.skip;
/** As `docker run --user 12345` has it: no line in /etc/passwd. */
const NAMELESS = { uid: 12_345, gid: 12_345 };

describe('embedded PostgreSQL under an account without a name', () => {
  let parent: string;
  let dataDir: string;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'haishin-nameless-'));
    await chmod(parent, 0o755);
    await chown(parent, NAMELESS.uid, NAMELESS.gid);
    dataDir = join(parent, 'postgres');
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  asRoot('is not made, and the refusal says what to do', async () => {
    const { report } = await startOwner(dataDir, NAMELESS);
    expect(report).toMatchObject({
      code: 'embedded-database-nameless-account',
      details: { uid: NAMELESS.uid },
      message: expect.stringContaining('user 12345 has no line in /etc/passwd') as unknown,
    });
  });

  asRoot('runs once it is there', async () => {
    await (await startEmbeddedPostgres({ dataDir, logger: silentLogger })).stop();
    for (const entry of ['.', ...(await readdir(dataDir, { recursive: true }))])
      await lchown(join(dataDir, entry), NAMELESS.uid, NAMELESS.gid);
    const owner = await startOwner(dataDir, NAMELESS);
    expect(owner.report).toMatchObject({ url: expect.stringContaining('postgresql://') as unknown });
    await owner.end('SIGTERM');
  });
});
