import type { TLSSocket } from 'node:tls';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { reason, type Sentence } from '../platform/texts/texts.js';

/** Faults of a certificate, by Node's codes; a person looks these up. */
const CERTIFICATE_CODES =
  /^(CERT_|ERR_TLS_CERT_|UNABLE_TO_(GET|VERIFY)_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|INVALID_(CA|PURPOSE)$|HOSTNAME_MISMATCH$)/;

class OtherCertificate extends Error {
  readonly code = 'CERT_NOT_THE_ONE_IN_USE';
}

/**
 * Connections to a server that presents exactly this certificate. Names, dates and issuers say nothing beyond that: it is the one
 * which the server has written down, perhaps self-issued. Anything else is cut off before a byte of the request is sent.
 * @param fingerprint SHA-256, upper-case hex with colons
 */
export function trustingOnly(fingerprint: string): Dispatcher {
  // The fingerprint takes the place of the usual verification. A resumed session would not show its certificate.
  const connect = buildConnector({ rejectUnauthorized: false, maxCachedSessions: 0 });
  return new Agent({
    connect: (options, callback) =>
      connect(options, (fault, socket) => {
        if (fault !== null) return callback(fault, null);
        if ((socket as TLSSocket).getPeerCertificate().fingerprint256 === fingerprint) return callback(null, socket);
        socket.destroy();
        return callback(new OtherCertificate(), null);
      }),
  });
}

/** What is wrong with the certificate of the other side; null when that was not the fault. */
export function certificateFault(thrown: unknown): string | Sentence | null {
  const { code } = (thrown ?? {}) as { code?: unknown };
  if (typeof code !== 'string' || !CERTIFICATE_CODES.test(code)) return null;
  return thrown instanceof OtherCertificate ? reason('certificate.other') : code;
}
