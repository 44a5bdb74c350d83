import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { AppError } from '../platform/errors/app-error.js';

export interface FormBody {
  contentType: string;
  /** Bytes of the whole body. */
  length: number;
  /** Told how many bytes have been handed on so far. */
  stream: (onProgress: (bytes: number) => void) => AsyncIterable<Buffer>;
}

interface FormFile {
  name: string;
  path: string;
}

/**
 * A `multipart/form-data` body with files read from the disk as it is sent, its length known beforehand. Files come last, so that the
 * other side has the fields before them.
 * @throws AppError `file-not-found`, `not-a-file`.
 */
export async function formBody(fields: Record<string, string>, files: readonly FormFile[]): Promise<FormBody> {
  const boundary = `haishin-${randomBytes(16).toString('hex')}`;
  const head = (disposition: string, type = ''): Buffer =>
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${type}\r\n`);
  const parts: (Buffer | { path: string; size: number })[] = [];
  for (const [name, value] of Object.entries(fields)) parts.push(head(`name="${name}"`), Buffer.from(`${value}\r\n`));
  for (const { name, path } of files) {
    const fileName = basename(path).replace(/[\r\n"]/g, '_');
    const type = 'Content-Type: application/octet-stream\r\n';
    parts.push(head(`name="${name}"; filename="${fileName}"`, type), await sized(path), Buffer.from('\r\n'));
  }
  parts.push(Buffer.from(`--${boundary}--\r\n`));
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    length: parts.reduce((sum, part) => sum + (Buffer.isBuffer(part) ? part.length : part.size), 0),
    stream: (onProgress) => read(parts, onProgress),
  };
}

async function sized(path: string): Promise<{ path: string; size: number }> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause;
    throw new AppError('bad-input', 'file-not-found', { details: { path }, cause });
  });
  if (!found.isFile()) throw new AppError('bad-input', 'not-a-file', { details: { path } });
  return { path, size: found.size };
}

async function* read(
  parts: (Buffer | { path: string; size: number })[],
  onProgress: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  let sent = 0;
  for (const part of parts) {
    const source = Buffer.isBuffer(part)
      ? [part]
      : (createReadStream(part.path, { highWaterMark: 512 * 1024 }) as AsyncIterable<Buffer>);
    for await (const chunk of source) {
      yield chunk;
      sent += chunk.length;
      onProgress(sent);
    }
  }
}
