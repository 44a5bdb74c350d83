import { systemClock } from '../platform/clock/clock.js';
import type { Logger } from '../platform/logging/logger.js';
import { timeFault, type ServerCertificate } from '../platform/tls/server-certificate.js';
import type { Readiness } from './readiness.js';

const LOOK_MS = 60_000;

/**
 * Whether the certificate in use is within its time. Out of it HTTPS goes on, so that whoever does not check, and all of HTTP, is
 * served; the log, the readiness report and metrics say so.
 */
export class CertificateStanding {
  private certificate: ServerCertificate | null = null;
  private said: string | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly readiness: Readiness,
    private readonly logger: Logger,
  ) {}

  /** Null without HTTPS. */
  get notAfter(): Date | null {
    return this.certificate?.notAfter ?? null;
  }

  use(certificate: ServerCertificate): void {
    this.certificate = certificate;
    this.timer ??= setInterval(() => this.look(), LOOK_MS).unref();
    this.look();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const { certificate } = this;
    if (certificate === null) return;
    // Clients go by the real time as well.
    const fault = timeFault(certificate, systemClock.now());
    this.readiness.warn('certificate', fault);
    if (fault !== null && fault.code !== this.said)
      this.logger.error(
        { code: fault.code, fingerprintSha256: certificate.fingerprintSha256 },
        `${fault.message} HTTPS goes on with it, and clients that check it refuse. Replace the two files; HTTP is not affected.`,
      );
    this.said = fault?.code ?? null;
  }
}
