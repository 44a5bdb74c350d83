import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseRange } from '../../../mirror/source/byte-range.js';
import { FileSender } from '../../../mirror/source/file-transfer.js';
import { evaluatePreconditions, rangeApplies } from '../../../mirror/source/preconditions.js';
import { BlobStore } from '../../../mirror/store/blob-store.js';
import { LOGGER, type Logger } from '../../../platform/logging/logger.js';
import type { ContentFile } from '../action.port.js';

/** Content never changes under its hash: any date that is always the same will do. */
const LAST_MODIFIED_MS = 0;
const LAST_MODIFIED = new Date(LAST_MODIFIED_MS).toUTCString();

/** Sends a blob as DDI's artifact: ranges, a strong ETag, the same transfer as the update source. */
@Injectable()
export class ArtifactSender {
  private readonly sender = new FileSender();

  constructor(
    private readonly blobs: BlobStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  send(request: FastifyRequest, reply: FastifyReply, file: ContentFile): void {
    // From here the answer is written to the socket itself, as the update source does.
    reply.hijack();
    const res = reply.raw;
    const validators = { etag: `"${file.sha256}"`, lastModified: LAST_MODIFIED, lastModifiedMs: LAST_MODIFIED_MS };
    const head = [
      'ETag',
      validators.etag,
      'Cache-Control',
      'private, max-age=31536000, immutable',
      'X-Content-Type-Options',
      'nosniff',
      'X-Request-Id',
      request.id,
    ];
    const precondition = evaluatePreconditions(request.raw.headers, validators);
    if (precondition !== 'proceed') {
      res.writeHead(precondition === 'failed' ? 412 : 304, head).end();
      return;
    }
    let status = 200;
    let offset = 0;
    let length = file.size;
    const full = [...head, 'Content-Type', 'application/octet-stream', 'Accept-Ranges', 'bytes'];
    const wanted = request.method === 'GET' ? request.headers.range : undefined;
    if (wanted !== undefined && rangeApplies(request.headers['if-range'], validators)) {
      const range = parseRange(wanted, file.size);
      if (range === 'unsatisfiable') {
        res.writeHead(416, [...head, 'Content-Range', `bytes */${file.size}`, 'Content-Length', '0']).end();
        return;
      }
      if (range !== 'whole') {
        status = 206;
        offset = range.first;
        length = range.last - range.first + 1;
        full.push('Content-Range', `bytes ${range.first}-${range.last}/${file.size}`);
      }
    }
    full.push('Content-Length', String(length));
    if (request.method === 'HEAD' || length === 0) {
      res.writeHead(status, full).end();
      return;
    }
    this.sender.send(
      res,
      { file: this.blobs.pathOf(file.sha256), offset, length },
      {
        begin: () => res.writeHead(status, full),
        unavailable: (error) => {
          this.logger.error({ err: error, sha256: file.sha256 }, 'a file of a deployment cannot be read');
          res.writeHead(503, { 'cache-control': 'no-store', 'retry-after': '30', 'content-length': 0 }).end();
        },
        broken: (error) =>
          this.logger.error({ err: error, sha256: file.sha256 }, 'a file of a deployment broke off while it was sent'),
        complete: () => undefined,
      },
    );
  }
}

/** The MD5 of a file as `md5sum` writes it. */
export async function sendSum(reply: FastifyReply, file: ContentFile): Promise<void> {
  await reply
    .code(200)
    .header('content-type', 'text/plain; charset=utf-8')
    .header(
      'content-disposition',
      `attachment; filename="${`${file.filename}.MD5SUM`.replace(/[^\x20-\x7e]|["\\]/g, '_')}"`,
    )
    .send(`${file.md5}  ${file.filename}`);
}
