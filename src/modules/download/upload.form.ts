import type { IncomingMessage } from 'node:http';
import type { Multipart, MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import type { BlobStore, StoredBlob } from '../../mirror/store/blob-store.js';
import { checkZip } from '../../mirror/store/zip-check.js';
import { AppError, toAppError } from '../../platform/errors/app-error.js';
import { safeFileName } from './upload.file-name.js';

/** What a person sent, stored and checked; nothing refers to it yet. */
export interface UploadForm {
  file: StoredBlob & { name: string; originalName: string };
  /** As typed; null when it was not given. */
  version: string | null;
  signature: StoredBlob | null;
}

/** Largest signature that is taken; real ones have a few hundred bytes. */
const MAX_SIGNATURE_BYTES = 1024 * 1024;
/** What a form adds to its file: boundaries, part heads, the signature. */
const FORM_BYTES = 2 * 1024 * 1024;
const MAX_VERSION_LENGTH = 64;
/** A client that does not stop sending after a refusal is cut off then. */
const DRAIN_MS = 30_000;

/**
 * Streams a form with the parts `file`, `version` and `signature` into the store; memory does not depend on its size.
 * @throws AppError `unsupported-media-type`, `upload-malformed`, `upload-interrupted`, `upload-field-unknown`, `upload-field-twice`,
 *   `upload-file-missing`, `upload-empty`, `file-name-invalid`, `version-invalid`, `upload-too-large`, `zip-corrupt`, kind `storage`.
 */
export async function readUploadForm(request: FastifyRequest, blobs: BlobStore, maxBytes: number): Promise<UploadForm> {
  if (!request.isMultipart()) throw new AppError('media-type', 'unsupported-media-type.form-wanted');
  const reader = new FormReader(blobs, maxBytes);
  try {
    if (Number(request.headers['content-length'] ?? 0) > maxBytes + FORM_BYTES) throw tooLarge(maxBytes);
    const limits = { fileSize: Infinity, files: 4, fields: 8, fieldSize: 4096, fieldNameSize: 100, parts: 12 };
    for await (const part of request.parts({ limits })) await reader.take(part);
    return reader.form();
  } catch (thrown) {
    drain(request.raw);
    throw explain(thrown);
  }
}

class FormReader {
  private file: UploadForm['file'] | null = null;
  private version: string | null = null;
  private signature: StoredBlob | null = null;

  constructor(
    private readonly blobs: BlobStore,
    private readonly maxBytes: number,
  ) {}

  async take(part: Multipart): Promise<void> {
    const { fieldname } = part;
    if (!['file', 'version', 'signature'].includes(fieldname))
      throw new AppError('bad-input', 'upload-field-unknown', {
        values: { field: JSON.stringify(fieldname) },
        details: { field: fieldname, known: ['file', 'version', 'signature'] },
      });
    if (this[fieldname as 'file' | 'version' | 'signature'] !== null)
      throw new AppError('bad-input', 'upload-field-twice', {
        details: { field: fieldname },
      });
    if (fieldname === 'version') this.version = readVersion(part);
    else if (part.type !== 'file')
      throw new AppError('bad-input', 'upload-file-missing.no-file', { values: { field: fieldname } });
    else if (fieldname === 'file') this.file = await this.storeFile(part);
    else this.signature = await this.store(part, MAX_SIGNATURE_BYTES);
  }

  form(): UploadForm {
    if (this.file === null) throw new AppError('bad-input', 'upload-file-missing');
    return { file: this.file, version: this.version, signature: this.signature };
  }

  private async storeFile(part: MultipartFile): Promise<UploadForm['file']> {
    const name = safeFileName(part.filename);
    return { ...(await this.store(part, this.maxBytes, name)), name, originalName: part.filename };
  }

  private async store(part: MultipartFile, maxBytes: number, name = ''): Promise<StoredBlob> {
    const isZip = name.toLowerCase().endsWith('.zip');
    const blob = await this.blobs.write(contentOf(part, maxBytes), { maxBytes }, undefined, (path, measured) =>
      isZip ? checkZip(path, { measured: measured ?? undefined }) : Promise.resolve(),
    );
    return blob;
  }
}

/** The bytes of a part. A client that goes away must look like one, not like a fault of ours. */
async function* contentOf(part: MultipartFile, maxBytes: number): AsyncGenerator<Buffer> {
  let received = 0;
  try {
    for await (const chunk of part.file as AsyncIterable<Buffer>) {
      received += chunk.length;
      if (received > maxBytes) throw tooLarge(maxBytes);
      yield chunk;
    }
  } catch (thrown) {
    throw thrown instanceof AppError ? thrown : interrupted(thrown);
  }
  if (received === 0)
    throw new AppError('bad-input', 'upload-empty', {
      details: { field: part.fieldname },
    });
}

function readVersion(part: Multipart): string {
  const value = part.type === 'field' ? part.value : null;
  if (typeof value !== 'string' || value.trim() === '' || value.length > MAX_VERSION_LENGTH)
    throw new AppError('bad-input', 'version-invalid.length');
  return value.trim();
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('too-large', 'upload-too-large', {
    details: { maxBytes },
  });
}

function interrupted(cause: unknown): AppError {
  return new AppError('bad-input', 'upload-interrupted', {
    cause,
  });
}

/** Faults of the form, and of the checks that it shares with the mirror, as this caller should see them. */
function explain(thrown: unknown): AppError {
  const error = toAppError(thrown);
  if (error.code === 'zip-corrupt')
    return new AppError('unprocessable', error, { details: error.details, cause: error });
  if (error.kind !== 'internal') return error;
  const { code } = thrown as { code?: string };
  if (code === 'FST_MP_PREMATURE_CLOSE') return interrupted(thrown);
  if (code === 'FST_FILES_LIMIT' || code === 'FST_PARTS_LIMIT' || code === 'FST_FIELDS_LIMIT')
    return new AppError('bad-input', 'upload-malformed.too-many-parts');
  // What is left comes from the parser of forms: our own faults and those of the disk have been told apart above.
  if (isParserFault(thrown))
    return new AppError('bad-input', 'upload-malformed', { values: { reason: thrown.message }, cause: thrown });
  return error;
}

function isParserFault(thrown: unknown): thrown is Error {
  const { message, code } = thrown as { message?: string; code?: string };
  return (
    code?.startsWith('FST_') === true || /multipart|boundary|malformed|header|part terminated/i.test(message ?? '')
  );
}

/** Reads and drops what the client still sends, so that it gets to see the answer. */
function drain(raw: IncomingMessage): void {
  if (raw.readableEnded || raw.destroyed) return;
  raw.unpipe();
  raw.resume();
  const limit = setTimeout(() => raw.destroy(), DRAIN_MS);
  limit.unref();
  for (const event of ['end', 'close']) raw.once(event, () => clearTimeout(limit));
}
