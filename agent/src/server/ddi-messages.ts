/** Messages of hawkBit DDI v1 and of our additions to it, as far as the agent reads and writes them. */

export interface Link {
  readonly href: string;
}

export interface ControllerBase {
  readonly config?: { readonly polling?: { readonly sleep?: string } };
  readonly _links?: {
    readonly deploymentBase?: Link;
    readonly cancelAction?: Link;
    readonly confirmationBase?: Link;
    readonly configData?: Link;
    readonly command?: Link;
  };
}

export type Handling = 'skip' | 'attempt' | 'forced';

export interface Artifact {
  readonly filename: string;
  readonly size: number;
  readonly hashes: { readonly sha256?: string };
  readonly _links: { readonly download?: Link; readonly 'download-http'?: Link };
}

export interface Chunk {
  readonly part: string;
  readonly version: string;
  readonly name?: string;
  readonly metadata?: readonly { readonly key: string; readonly value: string }[];
  readonly artifacts: readonly Artifact[];
}

export interface DeploymentBase {
  readonly id: string;
  readonly deployment: {
    readonly download: Handling;
    readonly update: Handling;
    readonly maintenanceWindow?: 'available' | 'unavailable';
    readonly chunks: readonly Chunk[];
  };
}

export interface CancelAction {
  readonly id: string;
  readonly cancelAction: { readonly stopId: string };
}

export interface CommandBase {
  readonly id: string;
  readonly command: { readonly type: string; readonly parameters?: Readonly<Record<string, unknown>> };
}

export type Execution =
  'scheduled' | 'download' | 'downloaded' | 'proceeding' | 'resumed' | 'rejected' | 'canceled' | 'closed';
export type Finished = 'none' | 'success' | 'failure';

export interface FeedbackBody {
  readonly id: string;
  readonly time: string;
  readonly status: {
    readonly execution: Execution;
    readonly result: { readonly finished: Finished; readonly progress?: { readonly cnt: number; readonly of: number } };
    readonly code: number;
    readonly details: readonly string[];
  };
}

const MAX_DETAILS = 50;
const MAX_DETAIL_LENGTH = 1000;

/** A feedback within the protocol's bounds; what did not fit is counted in the last detail. */
export function feedback(
  id: string,
  execution: Execution,
  finished: Finished,
  details: readonly string[],
  extra: { readonly code?: number; readonly progress?: { readonly cnt: number; readonly of: number } } = {},
): FeedbackBody {
  const kept = details.length > MAX_DETAILS ? details.slice(0, MAX_DETAILS - 1) : details;
  const dropped = details.length - kept.length;
  const bounded = kept.map((detail) => shorten(detail));
  if (dropped > 0) bounded.push(`${dropped} more messages were left out`);
  const result = extra.progress ? { finished, progress: extra.progress } : { finished };
  return { id, time: new Date().toISOString(), status: { execution, result, code: extra.code ?? 0, details: bounded } };
}

function shorten(detail: string): string {
  return detail.length <= MAX_DETAIL_LENGTH ? detail : `${detail.slice(0, MAX_DETAIL_LENGTH - 1)}…`;
}

/** `HH:MM:SS` in seconds; null when it is something else. */
export function parseSleep(text: string | undefined): number | null {
  const parts = /^(\d{1,3}):([0-5]\d):([0-5]\d)$/.exec(text ?? '');
  return parts ? Number(parts[1]) * 3600 + Number(parts[2]) * 60 + Number(parts[3]) : null;
}

/** `Retry-After` in seconds: a number, or an HTTP date against `now`; bounded to a day. */
export function parseRetryAfter(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  const seconds = /^\d+$/.test(text.trim()) ? Number(text) : (Date.parse(text) - now) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 86_400) : null;
}
