/** Where an update came to grief; the server shows it as the reason of a failed target. */
export type FailureReason =
  | 'download'
  | 'verification'
  | 'installation'
  | 'restart'
  | 'rejected'
  | 'configuration'
  | 'conflict'
  | 'cancelled'
  | 'server';

/** Numbers with a public meaning among ActiveUpdate clients; everything without one is `general`. */
export const ERROR_NUMBER = { success: 0, general: 1, notFound: 4, unreachable: 28, trust: 62 } as const;

/** An error with a stable kebab-case code that may be shown to a person and sent to the server. */
export class AgentError extends Error {
  readonly reason: FailureReason;
  readonly code: string;
  readonly number: number;

  constructor(
    reason: FailureReason,
    code: string,
    message: string,
    number: number = ERROR_NUMBER.general,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'AgentError';
    this.reason = reason;
    this.code = code;
    this.number = number;
  }
}

/** Any thrown value as an AgentError; full and read-only disks become codes of their own. */
export function toAgentError(error: unknown, fallback: FailureReason): AgentError {
  if (error instanceof AgentError) return error;
  const code = systemCode(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AgentError('installation', 'disk-full', `the disk is full: ${text}`, ERROR_NUMBER.general, error);
  }
  if (code === 'EROFS') {
    return new AgentError(
      'installation',
      'disk-read-only',
      `the disk is read-only: ${text}`,
      ERROR_NUMBER.general,
      error,
    );
  }
  return new AgentError(fallback, code ? 'system-error' : 'unexpected', text, ERROR_NUMBER.general, error);
}

/** The errno name of a system error (`ENOENT`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
