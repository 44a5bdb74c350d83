import { types } from 'node:util';
import { AppError, toAppError } from '../../platform/errors/app-error.js';
import { cancelled, fault } from './faults.js';
import { type KeyUnder, reason as why } from '../../platform/texts/texts.js';
import type { WatchVerdict } from './transfer-watch.js';

/** Where in an exchange the fault came up. */
export interface FaultContext {
  /** Without credentials. */
  url: string;
  phase: 'head' | 'body';
  /** Without credentials; null when none is used. */
  proxy: string | null;
  verdict: WatchVerdict | null;
  cancelled: boolean;
  received: number;
}

const TLS_REASONS: Record<string, KeyUnder<'reason.tls.'>> = {
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'not-yet-valid',
  CERT_REVOKED: 'revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'wrong-name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'unknown-ca',
  SELF_SIGNED_CERT_IN_CHAIN: 'unknown-ca',
  UNABLE_TO_GET_ISSUER_CERT: 'unknown-ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unknown-ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unknown-ca',
  CERT_UNTRUSTED: 'unknown-ca',
};

/** Turns whatever undici, sockets and TLS throw into one fault with a stable code. AppErrors pass. */
export function toFault(thrown: unknown, context: FaultContext): AppError {
  if (context.cancelled) return cancelled();
  if (thrown instanceof AppError) return thrown;
  const { url, phase, received } = context;
  if (context.verdict !== null) return silence(context.verdict, context);
  const error = innermost(thrown);
  const code = codeOf(error);
  const details = { url };
  // The source was closed under the transfer.
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return cancelled();
  if (!isNetworkError(error)) return toAppError(thrown);

  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return silence('headers', context);
  const tls = TLS_REASONS[code] ?? (/^(ERR_SSL|ERR_TLS|EPROTO)/.test(code) ? 'handshake' : undefined);
  if (tls !== undefined)
    return fault(
      'upstream-tls',
      { ...details, reason: tls, tlsCode: code },
      { values: { why: why(`tls.${tls}`) }, cause: thrown },
    );

  const proxyFault = throughProxy(error, context);
  if (proxyFault !== null) return proxyFault;

  if (phase === 'body') {
    if (code.startsWith('HPE_') && !ENDED_EARLY.has(code))
      return fault('upstream-unexpected-content.protocol', { ...details, httpCode: code }, { cause: thrown });
    return fault('upstream-truncated.connection', { ...details, received }, { cause: thrown });
  }
  if (code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW')
    return fault('upstream-unexpected-content.http', { ...details, httpCode: code }, { cause: thrown });
  const reason = connectReason(code);
  return fault(
    'upstream-unreachable',
    { ...details, reason },
    { values: { why: why(`connect.${reason}`) }, cause: thrown },
  );
}

/** What the parser says when the connection ends inside a chunked body. */
const ENDED_EARLY = new Set(['HPE_INVALID_EOF_STATE', 'HPE_CLOSED_CONNECTION']);

/** The parser of undici names only some of its faults. */
function codeOf(error: ErrorWithCode): string {
  return error.code ?? (error.name === 'HTTPParserError' ? 'HPE_UNNAMED' : '');
}

/** Anything else is a bug of ours and must not look like a fault of the network. */
function isNetworkError(error: ErrorWithCode): boolean {
  const code = codeOf(error);
  if (code === 'UND_ERR_INVALID_ARG') return /407/.test(error.message);
  return error.errno !== undefined || /^(UND_ERR|HPE_|ERR_SSL|ERR_TLS|E[A-Z]+$)/.test(code) || code in TLS_REASONS;
}

function connectReason(code: string): 'refused' | 'dns' | 'timeout' | 'reset' | 'network' {
  if (code === 'ECONNREFUSED') return 'refused';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENODATA') return 'dns';
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'timeout';
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'EADDRNOTAVAIL') return 'network';
  return 'reset';
}

/** With a proxy, every connection is made to it: what fails there is the proxy's fault, not the upstream's. */
function throughProxy(error: ErrorWithCode, { url, proxy, phase }: FaultContext): AppError | null {
  if (proxy === null || phase === 'body') return null;
  const status = /^Proxy response \((\d+)\)/.exec(error.message)?.[1] ?? /\((407)\)$/.exec(error.message)?.[1];
  if (status !== undefined) return proxyStatusFault(Number(status), url, proxy, error);
  const reason = connectReason(error.code ?? '');
  if (reason === 'reset' && error.code !== 'UND_ERR_PRX_CONN') return null;
  return fault(
    'proxy-unreachable',
    { url, proxy, reason },
    { values: { why: why(`connect.${reason}`) }, cause: error },
  );
}

/** What the proxy itself answered instead of passing us through. */
export function proxyStatusFault(status: number, url: string, proxy: string, cause?: unknown): AppError {
  // tinyproxy answers 401 to a wrong password, and 407 to none.
  if (status === 407 || status === 401) return fault('proxy-auth-required', { url, proxy, status }, { cause });
  if (status >= 500) return fault('upstream-unreachable.by-proxy', { url, proxy, status, reason: 'proxy' }, { cause });
  return fault('proxy-unreachable.refused', { url, proxy, status, reason: 'refused-by-proxy' }, { cause });
}

function silence(verdict: WatchVerdict, { url, phase, received }: FaultContext): AppError {
  const details = { url, phase, received };
  if (verdict === 'slow') return fault('upstream-too-slow', details);
  return fault(phase === 'head' ? 'upstream-timeout.head' : 'upstream-timeout.body', details);
}

interface ErrorWithCode extends Error {
  code?: string;
  errno?: number;
  errors?: unknown[];
}

/** Happy-eyeballs failures come as an AggregateError of all addresses tried; its first one says why. */
function innermost(thrown: unknown): ErrorWithCode {
  const error: ErrorWithCode = types.isNativeError(thrown) ? thrown : new Error(String(thrown));
  const first = error.errors?.[0];
  if (types.isNativeError(first)) return innermost(first);
  const cause = error.cause;
  // undici wraps what the socket said ("other side closed", a TLS fault) once or twice.
  if (types.isNativeError(cause) && (error.code === undefined || error.code.startsWith('UND_ERR_PRX'))) {
    const inner = innermost(cause);
    return inner.code === undefined || inner.code.startsWith('UND_ERR_SOCKET') ? error : inner;
  }
  return error;
}
