import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueCertificate } from '../../src/platform/tls/self-issued-certificate.js';
import { startHaishin } from '../support/haishin.js';
import { until } from '../support/until.js';

it('GET /readyz tells of a new certificate that cannot be used, until there is one that can', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'haishin-refused-'));
  const [tlsCertFile, tlsKeyFile] = [join(directory, 'server.crt'), join(directory, 'server.key')];
  const [first, second] = await Promise.all([issueCertificate([], new Date()), issueCertificate([], new Date())]);
  await writeFile(tlsCertFile, first.cert);
  await writeFile(tlsKeyFile, first.key);
  const haishin = await startHaishin({ logLevel: 'silent', config: { tlsCertFile, tlsKeyFile } });
  type Check = { ok: boolean; code: string | null; detail: string | null };
  const certificate = async (): Promise<Check> => {
    const answer = await fetch(`${haishin.http}/readyz`);
    expect(answer.status).toBe(200);
    return ((await answer.json()) as { checks: { certificate: Check } }).checks.certificate;
  };
  try {
    expect(await certificate()).toMatchObject({ ok: true });
    await writeFile(tlsCertFile, second.cert);
    await until('the pair that does not fit is told of', async () => !(await certificate()).ok);
    expect(await certificate()).toMatchObject({
      code: 'tls-pair-refused',
      detail: expect.stringContaining(
        `The key in ${tlsKeyFile} does not belong to the certificate in ${tlsCertFile}. The earlier one stays`,
      ) as unknown,
    });
    await writeFile(tlsKeyFile, second.key);
    await until('the pair that fits is used', async () => (await certificate()).ok);
  } finally {
    await haishin.dispose();
    await rm(directory, { recursive: true });
  }
});
