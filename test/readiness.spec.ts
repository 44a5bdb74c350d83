import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueCertificate } from '../src/platform/tls/self-issued-certificate.js';
import { runCommandIn } from './support/command-line.js';
import { startHaishin, TEST_TOKEN, type TestHaishin } from './support/haishin.js';

const EXPIRED = new Date(Date.now() - 900 * 24 * 3600 * 1000);
/** As a proxy on this host sends it for a client elsewhere. */
const ELSEWHERE = { 'x-forwarded-for': '192.0.2.7' };

describe('GET /readyz of a server with something wrong', () => {
  let directory: string;
  let haishin: TestHaishin;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'haishin-readiness-'));
    const [tlsCertFile, tlsKeyFile] = [join(directory, 'server.crt'), join(directory, 'server.key')];
    const { cert, key } = await issueCertificate([], EXPIRED);
    await writeFile(tlsCertFile, cert);
    await writeFile(tlsKeyFile, key);
    haishin = await startHaishin({ logLevel: 'silent', config: { tlsCertFile, tlsKeyFile } });
  });
  afterAll(async () => {
    await haishin.dispose();
    await rm(directory, { recursive: true });
  });

  async function certificate(headers: Record<string, string>): Promise<{ detail: string | null }> {
    const answer = await fetch(`${haishin.http}/readyz`, { headers });
    expect(answer.status).toBe(200);
    const { ready, checks } = (await answer.json()) as { ready: boolean; checks: Record<string, { detail: string }> };
    expect(ready).toBe(true);
    expect(checks['database']).toMatchObject({ ok: true, code: null, detail: null });
    const found = checks['certificate'];
    if (found === undefined) throw new Error('nothing is told of the certificate');
    expect(found).toMatchObject({ ok: false, code: 'tls-certificate-expired', since: expect.stringMatching(/Z$/) });
    return found;
  }

  it.each([
    ['nothing but the code to anybody', ELSEWHERE, null],
    ['nothing more for a token that is none', { ...ELSEWHERE, authorization: 'Bearer guessed-0123456789' }, null],
    ['all to whoever has a token', { ...ELSEWHERE, authorization: `Bearer ${TEST_TOKEN}` }, /^The certificate expired/],
    ['all on this host', {}, /^The certificate expired/],
    ['all in Japanese to whoever reads it', { 'accept-language': 'ja' }, /^証明書の有効期限が .* に切れました。$/],
  ])('tells %s', async (_, headers, detail) => {
    const told = await certificate(headers);
    if (detail === null) expect(told.detail).toBeNull();
    else expect(told.detail).toMatch(detail);
  });
  it.each([
    ['en_US.UTF-8', /^certificate since .*: tls-certificate-expired: The certificate expired at /m],
    ['ja_JP.UTF-8', /^certificate \(.* から\) tls-certificate-expired: 証明書の有効期限が /m],
  ])('is told by the status command as well (%s)', async (locale, line) => {
    const args = ['status', '--url', haishin.http, '--token', TEST_TOKEN];
    const { code, stdout } = await runCommandIn({ LC_ALL: locale }, ...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(line);
    const { checks } = JSON.parse((await runCommandIn({ LC_ALL: locale }, ...args, '--json')).stdout) as {
      checks: Record<string, { ok: boolean }>;
    };
    // The same in every language.
    expect(Object.keys(checks['certificate'] ?? {})).toEqual(['ok', 'code', 'since']);
  });
});
