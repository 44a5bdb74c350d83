import 'reflect-metadata'; // the certificate library reads it when it is loaded
import { createPrivateKey, createPublicKey, randomBytes, randomUUID, webcrypto, type KeyObject } from 'node:crypto';
import { chmod, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
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
import { machineAddresses } from '../http/machine-addresses.js';

/** Common clients accept no more than 825 days of a certificate that no public authority issued, the day before the first included. */
const VALID_DAYS = 824;
const DAY_MS = 24 * 3600 * 1000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** PEM texts. */
export interface IssuedPair {
  readonly cert: string;
  readonly key: string;
}

/** An ECDSA P-256 key. */
async function newKey(): Promise<string> {
  const { privateKey } = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  return `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY')}\n`;
}

/** Makes a key and an ECDSA P-256 certificate for this machine: its names, its addresses, and the further names given. */
export async function issueCertificate(hostNames: readonly string[], now: Date): Promise<IssuedPair> {
  const key = await newKey();
  return { key, cert: await certificateFor(createPrivateKey(key), hostNames, now) };
}

async function certificateFor(key: KeyObject, hostNames: readonly string[], now: Date): Promise<string> {
  const keys = {
    privateKey: key.toCryptoKey(ALGORITHM, true, ['sign']),
    publicKey: createPublicKey(key).toCryptoKey(ALGORITHM, true, ['verify']),
  };
  // A client whose clock is behind must not refuse us on the first day.
  const notBefore = new Date(now.getTime() - DAY_MS);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      // Positive, and never the same twice: browsers refuse a known issuer with a repeated serial number.
      serialNumber: `01${randomBytes(15).toString('hex')}`,
      name: [{ CN: [hostname().slice(0, 64) || 'localhost'] }, { O: ['Haishin (self-issued)'] }],
      notBefore,
      notAfter: new Date(notBefore.getTime() + VALID_DAYS * DAY_MS),
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
  return `${certificate.toString('pem')}\n`;
}

function alternativeNames(hostNames: readonly string[]): string[] {
  // A link-local address needs a zone, which a certificate cannot hold.
  const addresses = machineAddresses().filter(
    (address) => !address.includes('%') && !address.toLowerCase().startsWith('fe80'),
  );
  return [...new Set(['localhost', hostname(), ...hostNames, '127.0.0.1', '::1', ...addresses])].filter(Boolean);
}

/** What a look at the two files found; null for one that is not there. */
export interface KeptPair {
  readonly cert: Buffer | null;
  readonly key: Buffer | null;
}

/** What cannot be read is as bad as damaged. */
export async function keptPair(files: { certFile: string; keyFile: string }): Promise<KeptPair> {
  const [cert, key] = await Promise.all([files.certFile, files.keyFile].map(contentOf));
  return { cert: cert ?? null, key: key ?? null };
}

function contentOf(file: string): Promise<Buffer | null> {
  return readFile(file).catch((fault: NodeJS.ErrnoException) => (fault.code === 'ENOENT' ? null : Buffer.alloc(0)));
}

/**
 * Makes what is missing, damaged or out of its time of a self-issued pair; whoever calls looks whether it fits now, and calls again.
 *
 * The key decides: the first one to be put there stays, and certificates are issued for it, also at a renewal. So nodes that start or
 * renew together on one directory, and a crash between the two files, leave a pair that fits, or a key without its certificate.
 */
export async function makeKeyPair(
  { certFile, keyFile }: { certFile: string; keyFile: string },
  kept: KeptPair,
  hostNames: readonly string[],
  now: Date,
): Promise<void> {
  await mkdir(dirname(keyFile), { recursive: true, mode: 0o700 });
  let key = kept.key === null ? null : usableKey(kept.key);
  if (key === null) {
    const text = await newKey();
    if (!(await put(keyFile, text, 0o600, kept.key === null))) return;
    key = createPrivateKey(text);
  }
  await put(certFile, await certificateFor(key, hostNames, now), 0o644, kept.cert === null);
}

/** Null when it is none that certificates are issued for here. */
function usableKey(pem: Buffer): KeyObject | null {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : null;
  } catch {
    return null;
  }
}

/** @param first whether another process's file stays when it was faster. @returns false when it was. */
async function put(file: string, text: string, mode: number, first: boolean): Promise<boolean> {
  // By chance, not by process: those in containers that share a directory may have one number.
  const temporary = `${file}.${randomUUID()}.new`;
  try {
    await writeFile(temporary, text, { mode, flush: true });
    // The mode given to open is subject to the process's umask.
    await chmod(temporary, mode);
    if (first && (await taken(temporary, file))) return false;
    await rename(temporary, file);
    return true;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Puts a link there unless there is something already. Where there are no hard links nobody else is waited for. */
async function taken(temporary: string, file: string): Promise<boolean> {
  try {
    await link(temporary, file);
    return false;
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === 'EEXIST';
  }
}
