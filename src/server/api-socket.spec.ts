import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { jest } from '@jest/globals';
import { prepareApiSocket } from './api-socket.js';

const ownUid = process.geteuid!();

describe('the place of the API socket', () => {
  let dataDir: string;
  let directory: string;

  beforeEach(async () => {
    dataDir = join('/srv', randomBytes(60).toString('hex'));
    directory = dirname(await prepareApiSocket(dataDir));
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await rm(directory, { recursive: true, force: true });
  });

  it('is the data directory where that path is short enough', async () => {
    expect(await prepareApiSocket('/srv/haishin')).toBe(`/srv/haishin/run/api-${process.pid}.sock`);
  });

  it('is otherwise a temporary directory of this account alone, the same each time', async () => {
    expect(dirname(directory)).toBe(tmpdir());
    expect(Buffer.byteLength(await prepareApiSocket(dataDir))).toBeLessThanOrEqual(107);
    await chmod(directory, 0o777);
    expect(dirname(await prepareApiSocket(dataDir))).toBe(directory);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  it('is not taken from somebody else who made the directory first', async () => {
    jest.spyOn(process as Required<typeof process>, 'geteuid').mockReturnValue(ownUid + 1);
    await expect(prepareApiSocket(dataDir)).rejects.toMatchObject({ code: 'socket-directory-taken' });
  });

  it('is not followed through a link, and not made of a file', async () => {
    const elsewhere = `${directory}-elsewhere`;
    await rm(directory, { recursive: true });
    await mkdir(elsewhere);
    try {
      await symlink(elsewhere, directory);
      await expect(prepareApiSocket(dataDir)).rejects.toMatchObject({ code: 'socket-directory-taken' });
    } finally {
      await rm(elsewhere, { recursive: true });
    }
    await rm(directory);
    await writeFile(directory, '');
    await expect(prepareApiSocket(dataDir)).rejects.toMatchObject({ code: 'socket-directory-taken' });
  });
});
