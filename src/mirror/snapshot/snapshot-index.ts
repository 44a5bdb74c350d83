import { AppError } from '../../platform/errors/app-error.js';
import { type KeyUnder, reason } from '../../platform/texts/texts.js';
import type { Channel } from './channel.js';
import type { SnapshotIndex } from './held-file.js';

/** Of which tree an index has to be, and where it stands. */
export interface IndexPlace {
  channel: Channel;
  snapshot: string;
  file: string;
}

const SHA256 = /^[0-9a-f]{64}$/;
/** It is not there, makes no sense, or stands where the disk cannot be read any more. */
const LOST = new Set(['published-index-missing', 'published-index-corrupt', 'disk-failure']);

/** Whether an index is lost for good; if not, it may be read another time. */
export function isIndexLost({ code }: AppError): boolean {
  return LOST.has(code);
}

export function indexMissing({ channel, snapshot, file }: IndexPlace, cause: unknown): AppError {
  return new AppError('storage', 'published-index-missing', {
    details: { channel, snapshot, file },
    cause,
  });
}

/** Why it cannot be believed, with the values of the text. */
type IndexFault = [what: KeyUnder<'reason.index.'>, values?: Record<string, unknown>];

/** @throws AppError `published-index-corrupt` when it cannot be believed. */
export function parseIndex(text: string, { channel, snapshot, file }: IndexPlace): SnapshotIndex {
  const corrupt = ([what, values]: IndexFault, cause?: unknown): AppError =>
    new AppError('storage', 'published-index-corrupt', {
      values: { why: reason(`index.${what}`, values) },
      details: { channel, snapshot, file },
      cause,
    });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw corrupt(['no-json'], error);
  }
  if (!isRecord(document) || document.version !== 1) throw corrupt(['version']);
  if (document.snapshot !== snapshot) throw corrupt(['other-snapshot']);
  if (document.channel !== channel) throw corrupt(['other-channel']);
  const { publishedAt, files } = document;
  if (typeof publishedAt !== 'string' || Number.isNaN(Date.parse(publishedAt))) throw corrupt(['no-time']);
  if (!Array.isArray(files)) throw corrupt(['no-files']);
  const keys = new Set<string>();
  for (const each of files as unknown[]) {
    const fault = faultOf(each);
    if (fault !== null) throw corrupt(fault);
    const key = (each as { path: string }).path.toLowerCase();
    if (keys.has(key)) throw corrupt(['twice', { path: key }]);
    keys.add(key);
  }
  return document as unknown as SnapshotIndex;
}

function faultOf(file: unknown): IndexFault | null {
  if (!isRecord(file)) return ['no-object'];
  const { path, sha256, size, mtime } = file;
  if (typeof path !== 'string' || path === '' || path.startsWith('/')) return ['no-path'];
  if (path.split('/').some((segment) => segment === '..' || segment === '.')) return ['leads-out', { path }];
  if (typeof sha256 !== 'string' || !SHA256.test(sha256)) return ['no-sha', { path }];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return ['no-size', { path }];
  if (typeof mtime !== 'string' || Number.isNaN(Date.parse(mtime))) return ['no-mtime', { path }];
  return null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
