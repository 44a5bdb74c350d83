import { AppError, type AppErrorOptions, type ErrorText } from '../../platform/errors/app-error.js';

/**
 * Every way in which a source can fail, with its stable code:
 * - `upstream-unreachable` no connection, or it broke before an answer (`reason`: refused, dns, reset, timeout, network, proxy, missing-directory)
 * - `upstream-timeout` connected, then silent · `upstream-too-slow` · `upstream-truncated` the body ended early
 * - `upstream-http-status` another status than expected (`status`) · `upstream-not-found` 404, 410 · `upstream-refused` 401, 403
 * - `upstream-busy` 429 or 503 with Retry-After (`retryAfterSeconds`)
 * - `upstream-redirect-refused` to another host, to HTTP, too many (`location`)
 * - `upstream-tls` (`reason`: unknown-ca, expired, not-yet-valid, wrong-name, revoked, handshake)
 * - `upstream-unexpected-content` an error page, a compressed or malformed answer · `upstream-path-refused`
 * - `size-mismatch`, `size-exceeded` · `proxy-auth-required` · `proxy-unreachable`
 */
export type FaultCode =
  | 'upstream-unreachable'
  | 'upstream-timeout'
  | 'upstream-too-slow'
  | 'upstream-truncated'
  | 'upstream-http-status'
  | 'upstream-not-found'
  | 'upstream-refused'
  | 'upstream-busy'
  | 'upstream-redirect-refused'
  | 'upstream-tls'
  | 'upstream-unexpected-content'
  | 'size-mismatch'
  | 'size-exceeded'
  | 'proxy-auth-required'
  | 'proxy-unreachable';

/** The sentences that the catalogue has for them. */
export type FaultText = Extract<ErrorText, FaultCode | `${FaultCode}.${string}`>;

export function fault(
  text: FaultText,
  details: Record<string, unknown>,
  options: Omit<AppErrorOptions, 'details'> = {},
): AppError {
  return new AppError('upstream', text, { details, ...options });
}

export function cancelled(): AppError {
  return new AppError('conflict', 'cancelled.transfer');
}

export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled();
}

/** Ended because the other side let us wait: retried once at most, since each one costs up to 20 s. */
export function isSilence(error: AppError): boolean {
  return (
    error.code === 'upstream-timeout' ||
    error.code === 'upstream-too-slow' ||
    ((error.code === 'upstream-unreachable' || error.code === 'proxy-unreachable') &&
      error.details['reason'] === 'timeout')
  );
}

/** The pause that the source asked for; null when it asked for none. */
export function retryAfterMs({ code, details }: AppError): number | null {
  const seconds = details['retryAfterSeconds'];
  return code === 'upstream-busy' && typeof seconds === 'number' ? seconds * 1000 : null;
}

/** The same fault for a file that was not asked for any more. */
export function refusedWithoutAsking(known: AppError): AppError {
  return new AppError(known.kind, known, { details: { ...known.details, givenUp: true }, cause: known });
}

/** Worth another try: may be gone in a second. */
export function isPassing(error: AppError): boolean {
  if (error.code === 'upstream-http-status')
    return Number(error.details['status']) >= 500 || error.details['status'] === 429;
  if (error.code === 'proxy-unreachable') return error.details['status'] === undefined;
  return error.code === 'upstream-unreachable' || error.code === 'upstream-truncated' || isSilence(error);
}

/** Says something about the whole source, not about one file: more of it gives the source up. */
export function isAboutSource(error: AppError): boolean {
  return (
    isSilence(error) ||
    error.code === 'upstream-unreachable' ||
    error.code === 'upstream-tls' ||
    error.code === 'proxy-unreachable' ||
    error.code === 'proxy-auth-required'
  );
}
