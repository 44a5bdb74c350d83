import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { loadConfig } from '../../src/config/config.js';
import { startEmbedded } from '../../src/server/embedded.js';

describe('the start of the embedded database', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'haishin-elsewhere-'));
    await chmod(dataDir, 0o755);
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  const warnings = async (): Promise<string[]> => {
    const lines: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line) => void lines.push(line) });
    const embedded = await startEmbedded(loadConfig({ dataDir }, {}), logger);
    await embedded.stop();
    return lines;
  };

  it('warns when it makes a database beside content that another one knows, and only then', async () => {
    await mkdir(join(dataDir, 'published', 'japan'), { recursive: true });
    await symlink('20260101T000000000Z-000000', join(dataDir, 'published', 'japan', 'current'));
    expect(await warnings()).toEqual([expect.stringContaining('Content is published here, but there is no database')]);
    expect(await warnings()).toEqual([]);
  });
});
