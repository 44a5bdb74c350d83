import { AppError } from '../../platform/errors/app-error.js';
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
  return new AppError('storage', 'published-index-missing', `The index of snapshot ${snapshot} cannot be read.`, {
    details: { channel, snapshot, file },
    cause,
  });
}

/** @throws AppError `published-index-corrupt` when it cannot be believed. */
export function parseIndex(text: string, { channel, snapshot, file }: IndexPlace): SnapshotIndex {
  const corrupt = (what: string, cause?: unknown): AppError =>
    new AppError('storage', 'published-index-corrupt', `The index of snapshot ${snapshot} is damaged: ${what}.`, {
      details: { channel, snapshot, file },
      cause,
    });
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw corrupt('it is not JSON', error);
  }
  if (!isRecord(document) || document.version !== 1) throw corrupt('it is not of version 1');
  if (document.snapshot !== snapshot) throw corrupt('it names another snapshot');
  if (document.channel !== channel) throw corrupt('it names another channel');
  const { publishedAt, files } = document;
  if (typeof publishedAt !== 'string' || Number.isNaN(Date.parse(publishedAt)))
    throw corrupt('it has no publication time');
  if (!Array.isArray(files)) throw corrupt('it lists no files');
  const keys = new Set<string>();
  for (const each of files as unknown[]) {
    const fault = faultOf(each);
    if (fault !== null) throw corrupt(fault);
    const key = (each as { path: string }).path.toLowerCase();
    if (keys.has(key)) throw corrupt(`it lists ${key} twice`);
    keys.add(key);
  }
  return document as unknown as SnapshotIndex;
}

function faultOf(file: unknown): string | null {
  if (!isRecord(file)) return 'a file is not an object';
  const { path, sha256, size, mtime } = file;
  if (typeof path !== 'string' || path === '' || path.startsWith('/')) return 'a file has no relative path';
  if (path.split('/').some((segment) => segment === '..' || segment === '.')) return `the path ${path} leads out`;
  if (typeof sha256 !== 'string' || !SHA256.test(sha256)) return `${path} has no SHA-256`;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return `${path} has no size`;
  if (typeof mtime !== 'string' || Number.isNaN(Date.parse(mtime))) return `${path} has no modification time`;
  return null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
