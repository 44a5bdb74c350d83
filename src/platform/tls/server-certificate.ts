import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors/app-error.js';
import { systemClock, type Clock } from '../clock/clock.js';
import { keptPair, makeKeyPair, type KeptPair } from './self-issued-certificate.js';

/** PEM pair with what a person needs to recognise it. */
export interface ServerCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Upper-case hex with colons, as browsers and `openssl x509 -fingerprint -sha256` show it. */
  readonly fingerprintSha256: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly selfIssued: boolean;
}

export interface CertificatePlace {
  /** PEM, with its chain. Together with `keyFile`, or neither: then a self-issued pair is made. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** Where the self-issued pair is kept: `<dataDir>/tls`. */
  readonly dir: string;
  /** Further names for the self-issued certificate, beside those of the machine. */
  readonly hostNames?: readonly string[];
}

/** A self-issued certificate is replaced when it has less than this left. */
const RENEW_BEFORE_MS = 30 * 24 * 3600 * 1000;
/** Another node may make its own at the same time. */
const TRIES = 5;

export interface KeyPairFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly selfIssued: boolean;
}

/** The files that hold the pair in use. */
export function keyPairFiles(place: CertificatePlace): KeyPairFiles {
  if (place.certFile && place.keyFile) return { certFile: place.certFile, keyFile: place.keyFile, selfIssued: false };
  if (place.certFile || place.keyFile) throw new AppError('bad-input', 'tls-half-configured');
  return { certFile: join(place.dir, 'server.crt'), keyFile: join(place.dir, 'server.key'), selfIssued: true };
}

/**
 * The pair for the HTTPS listener: the configured files, or a self-issued certificate that is made at the first start and
 * renewed when it is about to expire.
 *
 * A configured one may be out of its time: see `timeFault`.
 *
 * @throws AppError `tls-half-configured`, `tls-file-unreadable`, `tls-certificate-invalid`, `tls-key-mismatch`.
 */
export async function ensureServerCertificate(
  place: CertificatePlace,
  clock: Clock = systemClock,
): Promise<ServerCertificate> {
  const files = keyPairFiles(place);
  if (!files.selfIssued) return readServerCertificate(files);
  for (let tried = 0; tried < TRIES; tried += 1) {
    const kept = await keptPair(files);
    const now = clock.now();
    const usable = usablePair(files, kept, now);
    if (usable !== null) return usable;
    // Absent, damaged, expired or about to expire: nobody but us can make a new one, and nobody needs the old one.
    await makeKeyPair(files, kept, place.hostNames ?? [], now);
  }
  return readServerCertificate(files);
}

function usablePair(files: KeyPairFiles, { cert, key }: KeptPair, now: Date): ServerCertificate | null {
  if (cert === null || key === null) return null;
  try {
    const pair = checkedPair(files, cert, key);
    const goodFor = pair.notAfter.getTime() - now.getTime();
    return timeFault(pair, now) === null && goodFor > RENEW_BEFORE_MS ? pair : null;
  } catch {
    return null;
  }
}

async function readServerCertificate(files: KeyPairFiles): Promise<ServerCertificate> {
  const [cert, key] = await Promise.all([readPem(files.certFile), readPem(files.keyFile)]);
  return checkedPair(files, cert, key);
}

/** Makes sure that a pair could serve: parsable, matching. */
function checkedPair(files: KeyPairFiles, cert: Buffer, key: Buffer): ServerCertificate {
  let certificate: X509Certificate;
  let matches: boolean;
  try {
    certificate = new X509Certificate(cert);
    matches = certificate.checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new AppError('bad-input', 'tls-certificate-invalid', {
      details: { certFile: files.certFile, keyFile: files.keyFile },
      cause: error,
    });
  }
  if (!matches)
    throw new AppError('bad-input', 'tls-key-mismatch', {
      details: { certFile: files.certFile, keyFile: files.keyFile },
    });
  return {
    cert,
    key,
    fingerprintSha256: certificate.fingerprint256,
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    selfIssued: files.selfIssued,
  };
}

/** Why clients refuse it just now, apart from who issued it: `tls-certificate-expired`, `tls-certificate-not-yet-valid`; or null. */
export function timeFault(
  { notBefore, notAfter }: Pick<ServerCertificate, 'notBefore' | 'notAfter'>,
  now: Date,
): AppError | null {
  const details = { notBefore: notBefore.toISOString(), notAfter: notAfter.toISOString() };
  if (notAfter <= now) return new AppError('bad-input', 'tls-certificate-expired', { details });
  if (notBefore > now)
    return new AppError('bad-input', 'tls-certificate-not-yet-valid', {
      details,
    });
  return null;
}

async function readPem(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new AppError('bad-input', 'tls-file-unreadable', { values: { path: file }, details: { file }, cause: error });
  }
}
