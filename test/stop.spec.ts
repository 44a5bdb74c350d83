import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnHaishin, type SpawnedHaishin } from './support/haishin.js';
import { HALF_HELLO, openSocket } from './support/raw-http.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

describe('a stop', () => {
  let dataDir: string;
  let database: TestDatabase;
  let haishin: SpawnedHaishin | undefined;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'haishin-stop-'));
    database = await createTestDatabase();
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await haishin?.kill('SIGKILL');
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it.each([0, 2])('is not held up by clients that send nothing, or not all (%i workers)', async (workers) => {
    haishin = await spawnHaishin({ dataDir, databaseUrl: database.url, env: { HAISHIN_WORKERS: String(workers) } });
    const { http, https } = haishin;
    const head = 'POST /api/v1/downloads HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n';
    for (const [url, first] of [
      [http, ''],
      [https, ''],
      [http, 'GET /heal'],
      [http, `${head}\r\n`],
      [https, HALF_HELLO],
    ] as const)
      sockets.push(await openSocket(url, first));
    // Half open: it says that it will send no more, and stays.
    for (const url of [http, https]) sockets.push((await openSocket(url, '')).end());
    for (let i = 0; i < 2 * Math.max(1, workers); i += 1) await fetch(`${http}/healthz`);
    expect(await haishin.kill('SIGTERM')).toBe(0);
    expect(haishin.stderr()).not.toContain('too long');
  });
});
