import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunFile, runFilePath, type RunFacts } from './run-file.js';

const factsOf = (http: string): RunFacts => ({
  pid: process.pid,
  http,
  https: null,
  token: 'secret',
  certificate: null,
});
const [A, B] = [factsOf('http://127.0.0.1:1'), factsOf('http://127.0.0.1:2')];

describe('the address for commands on this host, of two servers on one data directory', () => {
  let dataDir: string;
  let a: RunFile;
  let b: RunFile;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'haishin-run-'));
    [a, b] = [new RunFile(dataDir), new RunFile(dataDir)];
    await a.write(A);
    await b.write(B);
  });
  afterEach(async () => {
    await Promise.all([a.remove(), b.remove()]);
    await rm(dataDir, { recursive: true });
  });

  const read = async (): Promise<(RunFacts & { mark: object }) | null> => {
    const text = await readFile(runFilePath(dataDir), 'utf8').catch(() => null);
    return text === null ? null : (JSON.parse(text) as RunFacts & { mark: object });
  };

  it('stays that of the later one when the earlier one stops', async () => {
    await a.remove();
    expect(await read()).toMatchObject(B);
    await b.remove();
    expect(await read()).toBeNull();
  });

  it('is that of the earlier one again when the later one has stopped', async () => {
    await a.takeOver();
    expect(await read()).toMatchObject(B);
    await b.remove();
    await a.takeOver();
    expect(await read()).toMatchObject(A);
  });

  it('is that of the earlier one again when the later one was killed', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    await writeFile(runFilePath(dataDir), JSON.stringify({ ...(await read()), pid }));
    await a.takeOver();
    expect(await read()).toMatchObject(A);
  });
});
