import { systemClock } from '../platform/clock/clock.js';
import { type AppError, saying } from '../platform/errors/app-error.js';
import type { Logger } from '../platform/logging/logger.js';
import { timeFault, type ServerCertificate } from '../platform/tls/server-certificate.js';
import type { Readiness } from './readiness.js';

const LOOK_MS = 60_000;

/**
 * Whether the certificate in use is within its time, and the one in the files can take its place. Out of it HTTPS goes on, so that
 * whoever does not check, and all of HTTP, is served; the log, the readiness report and metrics say so.
 */
export class CertificateStanding {
  private certificate: ServerCertificate | null = null;
  private refused: AppError | null = null;
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

  /** A pair that was put in place of the one in use cannot be; null: there is none such any more. */
  refuse(fault: AppError | null): void {
    this.refused = fault;
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
    const { refused } = this;
    this.readiness.warn('certificate', fault ?? (refused && saying('tls-pair-refused', { why: refused.text })));
    if (fault !== null && fault.code !== this.said)
      this.logger.error(
        { code: fault.code, fingerprintSha256: certificate.fingerprintSha256 },
        `${fault.message} HTTPS goes on with it, and clients that check it refuse. Replace the two files; HTTP is not affected.`,
      );
    this.said = fault?.code ?? null;
  }
}
