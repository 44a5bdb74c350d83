import { createPrivateKey, X509Certificate } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../src/platform/clock/clock.js';
import { watchCertificate, type CertificateWatch } from '../../src/platform/tls/certificate-watch.js';
import {
  ensureServerCertificate,
  timeFault,
  type ServerCertificate,
} from '../../src/platform/tls/server-certificate.js';
import { RecordingLogger } from '../support/published-tree.js';

const DAY_MS = 24 * 3600 * 1000;

describe('server certificate', () => {
  let dir: string;
  let clock: ManualClock;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'haishin-tls-'));
    clock = new ManualClock(new Date());
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('is made once, for this machine, with its key kept private', async () => {
    const made = await ensureServerCertificate({ dir, hostNames: ['mirror.example'] }, clock);
    const certificate = new X509Certificate(made.cert);
    for (const name of ['localhost', 'mirror.example']) expect(certificate.checkHost(name)).toBe(name);
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkIP('::1')).toBeDefined();
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(certificate.ca).toBe(false);
    expect(made).toMatchObject({ selfIssued: true, fingerprintSha256: certificate.fingerprint256 });
    // From the first moment to the last one, both included, no more than common clients accept.
    expect(made.notAfter.getTime() - made.notBefore.getTime()).toBe(824 * DAY_MS);
    expect(made.notBefore.getTime()).toBeLessThan(clock.now().getTime() - DAY_MS + 1000);
    expect((await stat(join(dir, 'server.key'))).mode & 0o777).toBe(0o600);
    expect((await ensureServerCertificate({ dir }, clock)).fingerprintSha256).toBe(made.fingerprintSha256);
  });

  it('is renewed when less than 30 days are left', async () => {
    const made = await ensureServerCertificate({ dir }, clock);
    clock.advance(792 * DAY_MS);
    expect((await ensureServerCertificate({ dir }, clock)).fingerprintSha256).toBe(made.fingerprintSha256);
    clock.advance(2 * DAY_MS);
    const renewed = await ensureServerCertificate({ dir }, clock);
    expect(renewed.fingerprintSha256).not.toBe(made.fingerprintSha256);
    expect(renewed.notAfter.getTime() - clock.now().getTime()).toBeGreaterThan(800 * DAY_MS);
  });

  it('is made anew when a crash left half of it', async () => {
    const made = await ensureServerCertificate({ dir }, clock);
    await rm(join(dir, 'server.crt'));
    const again = await ensureServerCertificate({ dir }, clock);
    expect(again.fingerprintSha256).not.toBe(made.fingerprintSha256);
  });

  it('is one pair that fits, however many nodes start or renew at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const shared = join(dir, `shared-${round}`);
      const together = (): Promise<ServerCertificate[]> =>
        Promise.all(Array.from({ length: 6 }, () => ensureServerCertificate({ dir: shared }, clock)));
      const first = new Set((await together()).map(({ fingerprintSha256 }) => fingerprintSha256));
      expect(first.size).toBe(1);
      const key = await readFile(join(shared, 'server.key'));
      clock.advance(796 * DAY_MS);
      for (const renewed of await together()) {
        expect(first).not.toContain(renewed.fingerprintSha256);
        expect(renewed.key.equals(key)).toBe(true);
      }
      await rm(join(shared, 'server.crt'));
      await writeFile(join(shared, 'server.key'), 'damaged');
      for (const mended of await together())
        expect(new X509Certificate(mended.cert).checkPrivateKey(createPrivateKey(mended.key))).toBe(true);
      expect((await readdir(shared)).sort()).toEqual(['server.crt', 'server.key']);
    }
  });

  describe('from configured files', () => {
    let certFile: string;
    let keyFile: string;
    let other: ServerCertificate;

    beforeEach(async () => {
      const own = join(dir, 'own');
      await ensureServerCertificate({ dir: own }, clock);
      [certFile, keyFile] = [join(own, 'server.crt'), join(own, 'server.key')];
      other = await ensureServerCertificate({ dir: join(dir, 'other') }, clock);
    });

    it('is taken as it is and never rewritten', async () => {
      const before = await readFile(certFile);
      clock.advance(800 * DAY_MS);
      const taken = await ensureServerCertificate({ certFile, keyFile, dir }, clock);
      expect(taken.selfIssued).toBe(false);
      expect((await readFile(certFile)).equals(before)).toBe(true);
    });

    it.each([
      ['only a certificate is configured', 'tls-half-configured', () => ({ certFile, dir })],
      ['a file is missing', 'tls-file-unreadable', () => ({ certFile, keyFile: `${keyFile}.none`, dir })],
      [
        'the key is another one',
        'tls-key-mismatch',
        () => ({ certFile, keyFile: join(dir, 'other', 'server.key'), dir }),
      ],
      ['a file is no PEM', 'tls-certificate-invalid', () => ({ certFile: keyFile, keyFile, dir })],
    ])('is refused when %s', async (_what, code, place) => {
      await expect(ensureServerCertificate(place(), clock)).rejects.toMatchObject({ code });
    });

    it.each([
      [900, 'tls-certificate-expired'],
      [-10, 'tls-certificate-not-yet-valid'],
    ])('is taken out of its time (%s days), which is told', async (days, code) => {
      clock.advance(days * DAY_MS);
      const taken = await ensureServerCertificate({ certFile, keyFile, dir }, clock);
      expect(timeFault(taken, clock.now())).toMatchObject({ code });
    });

    describe('watched', () => {
      let logger: RecordingLogger;
      let watch: CertificateWatch;
      const taken: string[] = [];
      let fail = false;

      beforeEach(async () => {
        logger = new RecordingLogger();
        taken.length = 0;
        fail = false;
        const place = { certFile, keyFile, dir };
        watch = watchCertificate({
          ...place,
          current: await ensureServerCertificate(place, clock),
          onChange: (next) => {
            if (fail) throw new Error('the listener does not want it');
            taken.push(next.fingerprintSha256);
          },
          logger,
          clock,
        });
      });
      afterEach(() => watch.stop());

      const replaceBy = async (from: string): Promise<void> => {
        for (const [name, file] of [
          ['server.key', keyFile],
          ['server.crt', certFile],
        ] as const) {
          await copyFile(join(from, name), `${file}.new`);
          await rename(`${file}.new`, file);
        }
      };

      it('is put in force when the files change', async () => {
        await replaceBy(join(dir, 'other'));
        await logger.waitFor((line) => line.level === 'info');
        expect(taken).toEqual([other.fingerprintSha256]);
      });

      it('stays when the new pair is broken, says so once, and recovers', async () => {
        await writeFile(certFile, 'rubbish');
        await watch.check();
        await watch.check();
        expect(taken).toEqual([]);
        expect(logger.at('error')).toHaveLength(1);
        await replaceBy(join(dir, 'other'));
        await watch.check();
        expect(taken).toEqual([other.fingerprintSha256]);
      });

      it('stays when the new pair has expired', async () => {
        await ensureServerCertificate({ dir: join(dir, 'old') }, new ManualClock(new Date(Date.now() - 900 * DAY_MS)));
        await replaceBy(join(dir, 'old'));
        await watch.check();
        expect(taken).toEqual([]);
        expect(logger.at('error').at(-1)?.facts).toMatchObject({ err: { code: 'tls-certificate-expired' } });
      });

      it('stays when the new pair is not valid yet, and is replaced when it is', async () => {
        const later = new ManualClock(new Date(Date.now() + 10 * DAY_MS));
        const next = await ensureServerCertificate({ dir: join(dir, 'later') }, later);
        await replaceBy(join(dir, 'later'));
        await watch.check();
        expect(taken).toEqual([]);
        expect(logger.at('error').at(-1)?.facts).toMatchObject({ err: { code: 'tls-certificate-not-yet-valid' } });
        clock.advance(10 * DAY_MS);
        await logger.waitFor((line) => line.level === 'info');
        expect(taken).toEqual([next.fingerprintSha256]);
      });

      it('stays when the listener refuses the new pair', async () => {
        fail = true;
        await replaceBy(join(dir, 'other'));
        await watch.check();
        expect(logger.at('error').length).toBeGreaterThan(0);
        fail = false;
        await watch.check();
        expect(taken).toEqual([other.fingerprintSha256]);
      });

      it('is left alone when nothing changed', async () => {
        await watch.check();
        expect(taken).toEqual([]);
        expect(logger.lines).toEqual([]);
      });
    });
  });

  it('is renewed by the watch when it is self-issued', async () => {
    const tls = join(dir, 'tls');
    await mkdir(tls);
    const current = await ensureServerCertificate({ dir: tls }, clock);
    const taken: string[] = [];
    const logger = new RecordingLogger();
    const watch = watchCertificate({
      dir: tls,
      current,
      onChange: (next) => taken.push(next.fingerprintSha256),
      logger,
      clock,
    });
    clock.advance(800 * DAY_MS);
    await watch.check();
    watch.stop();
    expect(taken).toHaveLength(1);
    expect(taken[0]).not.toBe(current.fingerprintSha256);
  });
});
