import { statSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretBox } from './secret-box.js';

describe('the file of the key', () => {
  let directory: string;
  let keyFile: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'haishin-keys-'));
    keyFile = join(directory, 'keys', 'secrets.key');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is made once, for this account only, and alone in its directory', async () => {
    const sealed = (await SecretBox.open(keyFile)).seal('opensesame');
    expect((await SecretBox.open(keyFile)).unseal(sealed)).toBe('opensesame');
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'keys'))).toEqual(['secrets.key']);
    expect(await readFile(keyFile)).toHaveLength(32);
  });

  it('is the same for all that start at the same moment, and never there without its key', async () => {
    const sizes = new Set<number | undefined>();
    let over = false;
    const watch = (): void => {
      sizes.add(statSync(keyFile, { throwIfNoEntry: false })?.size);
      if (!over) setImmediate(watch);
    };
    watch();
    const boxes = await Promise.all(Array.from({ length: 8 }, () => SecretBox.open(keyFile)));
    over = true;
    const sealed = boxes[0]!.seal('opensesame');
    for (const box of boxes) expect(box.unseal(sealed)).toBe('opensesame');
    expect([...sizes]).toEqual([undefined, 32]);
    expect(await readdir(join(directory, 'keys'))).toEqual(['secrets.key']);
  });

  it('is not replaced when it is damaged: what was sealed with it would be lost', async () => {
    await SecretBox.open(keyFile);
    await writeFile(keyFile, 'short');
    await expect(SecretBox.open(keyFile)).rejects.toMatchObject({ code: 'secret-key-damaged' });
    expect(await readFile(keyFile, 'utf8')).toBe('short');
  });
});
