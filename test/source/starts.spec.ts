import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { pino, type Logger } from 'pino';
import { Agent, request } from 'undici';
import { SnapshotPublisher } from '../../src/mirror/snapshot/snapshot-publisher.js';
import { issueCertificate } from '../../src/platform/tls/self-issued-certificate.js';
import { startHaishin, type TestHaishin } from '../support/haishin.js';
import { until } from '../support/until.js';

const DAY_MS = 24 * 3600 * 1000;

interface Line {
  level: number;
  code?: string;
  msg: string;
}

function recording(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const logger = pino({ level: 'warn' }, { write: (text: string) => lines.push(JSON.parse(text) as Line) });
  return { logger, lines };
}

describe('a start', () => {
  let directory: string;
  let haishin: TestHaishin | undefined;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'haishin-cert-'));
  });
  afterEach(async () => {
    await haishin?.dispose();
    haishin = undefined;
    await rm(directory, { recursive: true });
  });

  const [tlsCertFile, tlsKeyFile] = ['server.crt', 'server.key'];
  const install = async (days: number): Promise<void> => {
    const { cert, key } = await issueCertificate([], new Date(Date.now() + days * DAY_MS));
    await writeFile(join(directory, tlsKeyFile), key);
    await writeFile(join(directory, tlsCertFile), cert);
  };
  const ready = async (): Promise<{ ready: boolean; checks: Record<string, { ok: boolean; detail: string }> }> =>
    (await (await fetch(`${haishin?.http}/readyz`)).json()) as never;

  it.each([
    ['has expired', -900, 'tls-certificate-expired'],
    ['is not valid yet', 10, 'tls-certificate-not-yet-valid'],
  ])('with a certificate that %s serves, and says so until it is replaced', async (_what, days, code) => {
    await install(days);
    const { logger, lines } = recording();
    haishin = await startHaishin({
      logger,
      config: { tlsCertFile: join(directory, tlsCertFile), tlsKeyFile: join(directory, tlsKeyFile) },
    });
    expect((await fetch(`${haishin.http}/healthz`)).status).toBe(200);
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
    expect((await request(`${haishin.https}/healthz`, { dispatcher })).statusCode).toBe(200);
    await dispatcher.close();
    expect(await ready()).toMatchObject({
      // A balancer that goes by it would take HTTP away as well.
      ready: true,
      checks: { certificate: { ok: false }, content: { ok: true } },
    });
    expect(lines.filter((line) => line.code === code)).toHaveLength(1);
    const metrics = await (await fetch(`${haishin.http}/metrics`)).text();
    const ends = Number(/^haishin_certificate_not_after_seconds (\S+)$/m.exec(metrics)?.[1]);
    expect(Math.round(ends - Date.now() / 1000)).toBeCloseTo((days + 823) * 86_400, -3);
    await install(0);
    await until('it is replaced', async () => (await ready()).checks['certificate']?.ok === true);
  });

  it('whose port is taken logs nothing of a database that its own end took away', async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    const { logger, lines } = recording();
    const config = { httpPort: (other.address() as AddressInfo).port };
    const ended = Promise.withResolvers<never>();
    const looked = jest.spyOn(SnapshotPublisher.prototype, 'exclusively').mockReturnValue(ended.promise);
    try {
      await expect(startHaishin({ logger, config })).rejects.toMatchObject({ code: 'port-in-use' });
      expect(looked).toHaveBeenCalled();
      ended.reject(new Error('Cannot use a pool after calling end on the pool'));
      await ended.promise.catch(() => undefined);
      expect(lines).toEqual([]);
    } finally {
      jest.restoreAllMocks();
      other.close();
    }
  });
});
