import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

describe('the command haishin', () => {
  it('works through a link, from any directory, on a host without Node', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'haishin-name-'));
    try {
      await symlink(resolve('bin/haishin'), join(directory, 'haishin'));
      const options = { cwd: directory, env: { PATH: `${directory}:/usr/bin:/bin`, LANG: 'C' } };
      const { stdout } = await promisify(execFile)('haishin', ['token', '--help'], options);
      expect(stdout).toMatch(/^Usage: haishin token /);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
