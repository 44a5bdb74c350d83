import type { ErrorKind, Said } from '../../platform/errors/app-error.js';
import type { Channel } from '../snapshot/channel.js';
import type { MissingCount } from './missing-requests.js';
import type { AnswerCount } from './serving-counters.js';

/** All that a content worker needs; it has no configuration and no database of its own. */
export interface WorkerSettings {
  readonly dataDir: string;
  readonly host: string;
  readonly httpPort: number | 'off';
  readonly httpsPort: number | 'off';
  /** Existing PEM files; the primary process makes and renews a self-issued pair. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** PEM file with the authorities of client certificates. */
  readonly clientCaFile?: string;
  /** Whose word on the scheme and host of their clients is passed on. */
  readonly trustedProxies?: readonly string[];
  /** Unix socket on which the primary process answers everything but the update source. */
  readonly apiSocket: string;
  readonly logLevel: string;
}

export type ToWorker =
  | { type: 'start'; settings: WorkerSettings; defaultChannel: Channel }
  | { type: 'default-channel'; channel: Channel }
  | { type: 'refresh'; id: number }
  | { type: 'stop'; graceMs: number };

export interface WorkerReport {
  readonly missing: MissingCount[];
  readonly answers: AnswerCount[];
}

export type FromWorker =
  /** Listens for messages now; what was sent earlier is lost. */
  | { type: 'ready' }
  | { type: 'listening'; httpUrl: string | null; httpsUrl: string | null }
  | { type: 'failed'; kind: ErrorKind; said: Said; details: Record<string, unknown> }
  | { type: 'refreshed'; id: number }
  | { type: 'report'; report: WorkerReport };
