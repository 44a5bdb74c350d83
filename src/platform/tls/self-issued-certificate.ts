import 'reflect-metadata'; // the certificate library reads it when it is loaded
import { randomBytes, webcrypto } from 'node:crypto';
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** The longest life that common clients accept of a certificate that was not issued by a public authority. */
const VALID_DAYS = 825;
const DAY_MS = 24 * 3600 * 1000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** PEM texts. */
export interface IssuedPair {
  readonly cert: string;
  readonly key: string;
}

/** Makes an ECDSA P-256 certificate for this machine: its names, its addresses, and the further names given. */
export async function issueCertificate(hostNames: readonly string[], now: Date): Promise<IssuedPair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      // Positive, and never the same twice: browsers refuse a known issuer with a repeated serial number.
      serialNumber: `01${randomBytes(15).toString('hex')}`,
      name: [{ CN: [hostname().slice(0, 64) || 'localhost'] }, { O: ['Haishin (self-issued)'] }],
      // A client whose clock is behind must not refuse us on the first day.
      notBefore: new Date(now.getTime() - DAY_MS),
      notAfter: new Date(now.getTime() + VALID_DAYS * DAY_MS),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(
          alternativeNames(hostNames).map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value })),
        ),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto,
  );
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: `${certificate.toString('pem')}\n`, key: `${PemConverter.encode(key, 'PRIVATE KEY')}\n` };
}

function alternativeNames(hostNames: readonly string[]): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    // A link-local address needs a zone, which a certificate cannot hold.
    .map(({ address }) => address)
    .filter((address) => !address.includes('%') && !address.toLowerCase().startsWith('fe80'));
  return [...new Set(['localhost', hostname(), ...hostNames, '127.0.0.1', '::1', ...addresses])].filter(Boolean);
}

/** Writes both files so that a crash leaves either the earlier pair or a mismatch that the next start recognises and replaces. */
export async function writeKeyPair(files: { certFile: string; keyFile: string }, pair: IssuedPair): Promise<void> {
  await mkdir(dirname(files.keyFile), { recursive: true, mode: 0o700 });
  await replaceFile(files.keyFile, pair.key, 0o600);
  await replaceFile(files.certFile, pair.cert, 0o644);
}

async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  const temporary = `${file}.${process.pid}.new`;
  await writeFile(temporary, text, { mode, flush: true });
  // The mode given to open is subject to the process's umask and to a file left behind.
  await chmod(temporary, mode);
  await rename(temporary, file);
}
