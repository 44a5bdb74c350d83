import { hash } from 'node:crypto';
import { readFile, stat } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../../platform/logging/logger.js';
import type { Channel } from '../snapshot/channel.js';
import { parseRange } from './byte-range.js';
import { FileSender, type Transfer } from './file-transfer.js';
import type { MissingKind } from './missing-requests.js';
import { evaluatePreconditions, rangeApplies } from './preconditions.js';
import type { IndexEntry } from './published-index.js';
import type { PublishedTree } from './published-tree.js';
import { parseTarget, type SourceRequest } from './request-path.js';
import { HeadCache, type ResponseHeads } from './response-heads.js';
import { SMALL_FILE_BYTES, SmallFileCache } from './small-file-cache.js';

/** Told of every finished answer; `bytes` are those of the body. */
export interface SourceMetrics {
  answered(channel: Channel | 'none', status: number, bytes: number): void;
}

export interface UpdateSourceOptions {
  readonly tree: PublishedTree;
  readonly logger: Pick<Logger, 'warn' | 'error'>;
  /** Called for each request of a file that is not held; must be cheap. */
  readonly onMissing?: (channel: Channel, path: string, kind: MissingKind) => void;
  readonly metrics?: SourceMetrics;
}

/** Answers the request and returns true, or leaves it alone and returns false when the URL is not the update source's. */
export type UpdateSource = (req: IncomingMessage, res: ServerResponse) => boolean;

/** What clients of ActiveUpdate 2.6 ask for before the manifest; no server of today has it, and nobody misses it. */
const PROBE = 'ini_xml.zip';
const MANIFEST = 'server.ini';
const RETRY_SECONDS = '60';
const OTHER_CONTENT = 'The content is not that of its record.';

/**
 * The update source of `docs/architecture.md`: published files over HTTP without database, session or framework. Read only;
 * conditional requests and ranges as in RFC 9110.
 */
export function createUpdateSource(options: UpdateSourceOptions): UpdateSource {
  const source = new Source(options);
  return (req, res) => source.handle(req, res);
}

/** Once for as long as it is kept in memory: manifests and signatures are small, and never served damaged. */
function isContentOf(sha256: string, content: Buffer): boolean {
  return hash('sha256', content) === sha256;
}

class Source {
  private readonly heads = new HeadCache();
  private readonly smallFiles = new SmallFileCache();
  private readonly sender = new FileSender();

  constructor(private readonly options: UpdateSourceOptions) {}

  handle(req: IncomingMessage, res: ServerResponse): boolean {
    const { tree } = this.options;
    const wanted = parseTarget(req.url ?? '', tree.defaultChannel);
    if (wanted === 'not-ours') return false;
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      // The body that such a request may carry is not waited for.
      this.refuse(res, 405, 'The update source is read only.', ['Allow', 'GET, HEAD', 'Connection', 'close']);
    } else if (wanted === 'refused') {
      this.refuse(res, 400, 'The path is not acceptable.');
    } else {
      this.serve(req, res, wanted);
    }
    return true;
  }

  private serve(req: IncomingMessage, res: ServerResponse, wanted: SourceRequest): void {
    const { tree } = this.options;
    const frozen = wanted.snapshot !== null;
    const index = frozen ? tree.snapshot(wanted.channel, wanted.snapshot) : tree.holding(wanted.channel, wanted.path);
    const entry = index?.entries.get(wanted.path);
    if (!index || !entry) {
      this.missing(res, wanted);
      return;
    }
    const heads = this.heads.get(index, entry, frozen);
    const precondition = evaluatePreconditions(req.headers, entry);
    if (precondition === 'not-modified') {
      res.writeHead(304, heads.notModified as string[]);
      res.end();
      this.options.metrics?.answered(wanted.channel, 304, 0);
      return;
    }
    if (precondition === 'failed') {
      this.refuse(res, 412, 'The file is not the one that the condition names.', ['ETag', entry.etag], wanted.channel);
      return;
    }
    this.sendContent(req, res, wanted.channel, entry, heads);
  }

  private sendContent(
    req: IncomingMessage,
    res: ServerResponse,
    channel: Channel,
    entry: IndexEntry,
    heads: ResponseHeads,
  ): void {
    let status = 200;
    let head = heads.ok as string[];
    let offset = 0;
    let length = entry.size;
    // RFC 9110 §14.2: a range has no meaning with HEAD.
    const rangeHeader = req.method === 'GET' ? req.headers.range : undefined;
    if (rangeHeader !== undefined && rangeApplies(req.headers['if-range'], entry)) {
      const range = parseRange(rangeHeader, entry.size);
      if (range === 'unsatisfiable') {
        this.refuse(res, 416, 'The file is shorter than that.', ['Content-Range', `bytes */${entry.size}`], channel);
        return;
      }
      if (range !== 'whole') {
        status = 206;
        offset = range.first;
        length = range.last - range.first + 1;
        const contentRange = `bytes ${range.first}-${range.last}/${entry.size}`;
        head = [...heads.partial, 'Content-Range', contentRange, 'Content-Length', String(length)];
      }
    }
    if (length === 0) this.sendHead(res, channel, status, head);
    else if (req.method === 'HEAD') this.answerHead(res, channel, entry, head);
    else if (entry.size <= SMALL_FILE_BYTES) {
      this.sendSmall(res, channel, entry, status, head, offset, length);
    } else {
      this.sendLarge(res, channel, { file: entry.file, offset, length }, status, head);
    }
  }

  private sendHead(res: ServerResponse, channel: Channel, status: number, head: string[]): void {
    res.writeHead(status, head);
    res.end();
    this.options.metrics?.answered(channel, status, 0);
  }

  /** Promises only what GET could send, by one look at the file. */
  private answerHead(res: ServerResponse, channel: Channel, entry: IndexEntry, head: string[]): void {
    if (this.smallFiles.get(entry.sha256)) {
      this.sendHead(res, channel, 200, head);
      return;
    }
    stat(entry.file, (error, found) => {
      if (res.destroyed) return;
      if (error) this.unavailable(res, channel, entry.file, error);
      else if (found.size !== entry.size) this.unavailable(res, channel, entry.file, new Error(OTHER_CONTENT));
      else this.sendHead(res, channel, 200, head);
    });
  }

  private sendSmall(
    res: ServerResponse,
    channel: Channel,
    entry: IndexEntry,
    status: number,
    head: string[],
    offset: number,
    length: number,
  ): void {
    const answer = (content: Buffer): void => {
      res.writeHead(status, head);
      res.end(length === content.length ? content : content.subarray(offset, offset + length));
      this.options.metrics?.answered(channel, status, length);
    };
    const cached = this.smallFiles.get(entry.sha256);
    if (cached) {
      answer(cached);
      return;
    }
    readFile(entry.file, (error, content) => {
      if (res.destroyed) return;
      if (error) this.unavailable(res, channel, entry.file, error);
      else if (content.length !== entry.size || !isContentOf(entry.sha256, content))
        this.unavailable(res, channel, entry.file, new Error(OTHER_CONTENT));
      else {
        this.smallFiles.set(entry.sha256, content);
        answer(content);
      }
    });
  }

  private sendLarge(res: ServerResponse, channel: Channel, transfer: Transfer, status: number, head: string[]): void {
    const { metrics, logger } = this.options;
    this.sender.send(res, transfer, {
      begin: () => res.writeHead(status, head),
      unavailable: (error) => this.unavailable(res, channel, transfer.file, error),
      broken: (error) =>
        logger.error({ err: error, file: transfer.file }, 'a published file broke off while it was being sent'),
      complete: () => metrics?.answered(channel, status, transfer.length),
    });
  }

  private missing(res: ServerResponse, wanted: SourceRequest): void {
    const { tree, onMissing } = this.options;
    const { channel, path } = wanted;
    const isFile = path !== '' && !path.endsWith('/');
    if (wanted.snapshot !== null) {
      if (isFile && path !== PROBE) onMissing?.(channel, path, 'snapshot-gone');
      this.refuse(res, 404, 'This snapshot is not kept, or does not have the file.', undefined, channel);
    } else if (tree.currentSnapshot(channel) === null) {
      if (isFile && path !== PROBE) onMissing?.(channel, path, 'not-published');
      // Only the manifest is certain to exist one day; a product that asks for it should come back.
      if (path === MANIFEST)
        this.refuse(res, 503, 'Nothing has been published yet.', ['Retry-After', RETRY_SECONDS], channel);
      else this.refuse(res, 404, 'Nothing has been published yet.', undefined, channel);
    } else {
      if (isFile && path !== PROBE) onMissing?.(channel, path, 'not-held');
      this.refuse(res, 404, 'There is no such file here.', undefined, channel);
    }
  }

  private unavailable(res: ServerResponse, channel: Channel, file: string, error: Error): void {
    this.options.logger.error({ err: error, file }, 'a published file cannot be read');
    this.refuse(res, 503, 'The file cannot be read just now.', ['Retry-After', RETRY_SECONDS], channel);
  }

  private refuse(
    res: ServerResponse,
    status: number,
    text: string,
    headers: readonly string[] = [],
    channel: Channel | 'none' = 'none',
  ): void {
    const body = `${text}\n`;
    res.writeHead(status, [
      ...headers,
      'Content-Type',
      'text/plain; charset=utf-8',
      'Content-Length',
      String(Buffer.byteLength(body)),
      'Cache-Control',
      'no-store',
      'X-Content-Type-Options',
      'nosniff',
    ]);
    res.end(body);
    this.options.metrics?.answered(channel, status, body.length);
  }
}
