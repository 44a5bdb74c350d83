import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemClock, type Clock } from '../clock/clock.js';
import { type AppError, toAppError } from '../errors/app-error.js';
import type { Logger } from '../logging/logger.js';
import {
  type CertificatePlace,
  ensureServerCertificate,
  keyPairFiles,
  timeFault,
  type ServerCertificate,
} from './server-certificate.js';

const POLL_MS = 2000;
/** A self-issued certificate is looked at this often for its renewal. */
const RENEWAL_CHECK_MS = 12 * 3600 * 1000;

export interface CertificateWatchOptions extends CertificatePlace {
  readonly current: ServerCertificate;
  /** Puts the new pair in force; when it throws, the earlier one stays. */
  readonly onChange: (certificate: ServerCertificate) => void;
  /** A new pair cannot serve, and why; null: there is none such any more. */
  readonly onRefused?: (fault: AppError | null) => void;
  readonly logger: Pick<Logger, 'info' | 'error'>;
  readonly clock?: Clock;
}

export interface CertificateWatch {
  /** Looks at the files at once. Never rejects: a pair that cannot serve is logged, and the earlier one stays. */
  check(): Promise<void>;
  stop(): void;
}

/**
 * Follows the certificate files: by notification, and by a look at their times every 2 s for file systems without
 * notifications. Certificate and key are two files, so a look may fall between two writes; the next one mends that.
 */
export function watchCertificate(options: CertificateWatchOptions): CertificateWatch {
  const { onChange, onRefused, logger, clock = systemClock } = options;
  const files = keyPairFiles(options);
  let inForce = options.current.fingerprintSha256 + options.current.key.toString('latin1');
  let seen = '';
  let refused = '';
  /** Its files stay as they are until its time comes. */
  let early = false;
  let lastRenewalCheck = clock.now().getTime();
  let checking: Promise<void> | undefined;
  let stopped = false;

  const reload = async (): Promise<void> => {
    let next: ServerCertificate;
    early = false;
    try {
      next = await ensureServerCertificate(options, clock);
      const identity = next.fingerprintSha256 + next.key.toString('latin1');
      if (identity === inForce) {
        refused = '';
        onRefused?.(null);
        return;
      }
      const fault = timeFault(next, clock.now());
      if (fault !== null) throw fault;
      onChange(next);
      inForce = identity;
      refused = '';
      onRefused?.(null);
    } catch (thrown) {
      const error = toAppError(thrown);
      early = error.code === 'tls-certificate-not-yet-valid';
      onRefused?.(error);
      const text = String(error);
      if (text !== refused)
        logger.error(
          { err: error, certFile: files.certFile },
          'the new TLS certificate is refused; the earlier one stays in force',
        );
      refused = text;
      return;
    }
    logger.info({ fingerprintSha256: next.fingerprintSha256, notAfter: next.notAfter }, 'TLS certificate replaced');
  };

  const look = async (force: boolean): Promise<void> => {
    // One that waited for its turn must not write a pair any more.
    if (stopped) return;
    const signature = await signatureOf([files.certFile, files.keyFile]);
    const now = clock.now().getTime();
    const renewalDue = files.selfIssued && now - lastRenewalCheck >= RENEWAL_CHECK_MS;
    if (!force && !renewalDue && signature === seen) return;
    if (renewalDue) lastRenewalCheck = now;
    await reload();
    // Taken before the reload: a file that changes meanwhile is noticed at the next look.
    seen = early ? '' : signature;
  };

  const check = (force = false): Promise<void> => {
    checking = (checking ?? Promise.resolve()).then(() => look(force));
    return checking;
  };

  const timer = setInterval(() => void check(), POLL_MS);
  timer.unref();
  const watchers = watchDirectories(new Set([dirname(files.certFile), dirname(files.keyFile)]), () => void check());
  return {
    check: () => check(true),
    stop: () => {
      stopped = true;
      clearInterval(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}

/** Directories, not files: certificates are usually replaced by rename or by a symbolic link. */
function watchDirectories(directories: Set<string>, onEvent: () => void): FSWatcher[] {
  const watchers: FSWatcher[] = [];
  for (const directory of directories) {
    try {
      const watcher = watch(directory, { persistent: false }, onEvent);
      watcher.on('error', () => watcher.close());
      watchers.push(watcher);
    } catch {
      // The poll is enough where notifications are not to be had.
    }
  }
  return watchers;
}

async function signatureOf(paths: string[]): Promise<string> {
  const parts = await Promise.all(
    paths.map((path) =>
      stat(path, { bigint: true }).then(
        (status) => `${status.ino}:${status.size}:${status.mtimeNs}`,
        () => 'absent',
      ),
    ),
  );
  return parts.join(' ');
}
