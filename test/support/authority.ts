import 'reflect-metadata'; // the certificate library reads it when it is loaded
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const DAY_MS = 24 * 3600 * 1000;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** PEM texts. */
export interface KeyPair {
  cert: string;
  key: string;
}

/** A certificate authority for one test. */
export class Authority {
  private constructor(
    private readonly keys: webcrypto.CryptoKeyPair,
    private readonly certificate: x509.X509Certificate,
  ) {}

  static async make(name = 'Test CA'): Promise<Authority> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + DAY_MS),
      signingAlgorithm: algorithm,
      keys,
      extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
    });
    return new Authority(keys, certificate);
  }

  /** What clients have to trust. */
  get pem(): string {
    return this.certificate.toString('pem');
  }

  /** A server's certificate; `days` from now that it begins and ends. */
  async issue(
    host: { type: 'ip' | 'dns'; value: string },
    days: readonly [number, number] = [-1, 1],
  ): Promise<KeyPair> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: 'CN=upstream',
      issuer: this.certificate.subject,
      notBefore: new Date(Date.now() + days[0] * DAY_MS),
      notAfter: new Date(Date.now() + days[1] * DAY_MS),
      signingKey: this.keys.privateKey,
      publicKey: keys.publicKey,
      signingAlgorithm: algorithm,
      extensions: [new x509.SubjectAlternativeNameExtension([host])],
    });
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
    return { cert: certificate.toString('pem'), key };
  }
}
